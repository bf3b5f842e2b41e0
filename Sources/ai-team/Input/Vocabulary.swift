public import ArgumentParser
public import Vault

// The vault's words as option values: ArgumentParser lists them in help and in its errors.

extension TaskType: ExpressibleByArgument {}
extension TaskStatus: ExpressibleByArgument {}
extension ReviewState: ExpressibleByArgument {}
extension LinkKind: ExpressibleByArgument {}
extension ProjectStatus: ExpressibleByArgument {}

extension TaskPriority: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }
    public static var allValueStrings: [String] { allCases.map(\.name) }
}

extension LogLevel: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }
    public static var allValueStrings: [String] { allCases.map(\.name) }
}

/// `--limit N`: 100 rows unless said otherwise, 0 for all.
struct LimitOption: ParsableArguments {
    @Option(help: "At most this many rows; 0 for all.")
    var limit = 100

    func validate() throws {
        if limit < 0 { throw ValidationError("the limit can't be negative") }
    }
}
