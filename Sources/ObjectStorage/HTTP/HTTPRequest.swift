/// A request as it goes out: everything is escaped, and nothing is added but what HTTP itself needs.
struct HTTPRequest: Sendable {
    var method: String
    /// Scheme, host, path, query.
    var url: String
    /// In lower case, in the order in which they were signed.
    var headers: [(name: String, value: String)]
    var body: ObjectBody?
}

/// An answer whose body went to the sink, or, when its status was not wanted, stands in `failure`.
struct HTTPResponse: Sendable {
    var status = 0
    /// Names in lower case. Of two headers of one name the last counts.
    var headers: [String: String] = [:]
    /// The beginning of a body that was not wanted.
    var failure: [UInt8] = []

    var isSuccess: Bool { 200...299 ~= status }
}

/// What a transfer died of.
struct TransferFailure: Error, Sendable {
    enum Reason: Sendable {
        /// No connection, a lost one, silence, half a body: the request may have been carried out or not.
        case connection
        /// TLS was refused, by either side.
        case untrusted
        /// The library or this program would not do it.
        case refused
    }

    var reason: Reason
    var message: String
    /// Of an answer that had begun.
    var response: HTTPResponse?
}
