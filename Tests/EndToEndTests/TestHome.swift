import Foundation
import Testing

/// A vault in a temporary directory, unlocked by a key file; gone with the value.
final class TestHome {
    let folder: URL
    let home: String
    let keyFile: String
    /// What `init` printed.
    let made: JSON

    init(_ initArguments: [String] = []) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "e2e-\(UUID().uuidString)")
        home = folder.appending(path: "home").path(percentEncoded: false)
        keyFile = folder.appending(path: "key").path(percentEncoded: false)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let words = ["init", "--json", "--home", home, "--key-file", keyFile] + initArguments
        let outcome = try Program.run(words, in: folder)
        guard outcome.status == 0 else { throw Failed(text: outcome.errors) }
        made = try outcome.json()
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// `init` failed.
    struct Failed: Error { let text: String }

    /// Runs a command on this home.
    @discardableResult
    func run(
        _ arguments: String..., input: String = "", environment: [String: String] = [:],
        expect status: Int32 = 0, _ location: SourceLocation = #_sourceLocation
    ) throws -> Program.Outcome {
        try run(arguments, input: input, environment: environment, expect: status, location)
    }

    /// Runs a command with `--json` and returns what it printed.
    @discardableResult
    func json(
        _ arguments: String..., input: String = "", _ location: SourceLocation = #_sourceLocation
    ) throws -> JSON {
        try run(arguments + ["--json"], input: input, environment: [:], expect: 0, location).json()
    }

    /// The same with the words in a list.
    @discardableResult
    func runJSON(_ arguments: [String], _ location: SourceLocation = #_sourceLocation) throws -> JSON {
        try run(arguments + ["--json"], input: "", environment: [:], expect: 0, location).json()
    }

    /// Runs a command that fails with `status`, and returns its error object.
    @discardableResult
    func error(
        _ arguments: String..., expect status: Int32, _ location: SourceLocation = #_sourceLocation
    ) throws -> JSON {
        try run(arguments + ["--json"], input: "", environment: [:], expect: status, location).error()
    }

    private func run(
        _ arguments: [String], input: String, environment: [String: String], expect status: Int32,
        _ location: SourceLocation
    ) throws -> Program.Outcome {
        let base = ["AI_TEAM_HOME": home, "AI_TEAM_KEY_FILE": keyFile]
        let outcome = try Program.run(
            arguments, environment: base.merging(environment) { $1 }, input: Data(input.utf8), in: folder)
        let said = "\(arguments): \(outcome.errors)\(outcome.text.prefix(300))"
        #expect(outcome.status == status, "\(said)", sourceLocation: location)
        return outcome
    }

    /// Writes a file beside the home and returns its path.
    func file(_ name: String, _ content: some DataProtocol) throws -> String {
        let url = folder.appending(path: name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content).write(to: url)
        return url.path(percentEncoded: false)
    }
}
