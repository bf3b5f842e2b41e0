/// Errors of the targets below, told in the words and codes of the command line.
extension Failure {
    /// Nil when the error is ArgumentParser's own: help, version or wrong usage.
    init?(describing error: any Error) {
        if let failure = error as? Failure {
            self = failure
        } else {
            return nil
        }
    }
}
