import Foundation
import Testing

@Suite("The command line's frame") struct FrameTests {
    private func run(_ arguments: String...) throws -> Program.Outcome {
        try Program.run(arguments, in: FileManager.default.temporaryDirectory)
    }

    @Test("The version names commit and build date")
    func version() throws {
        let outcome = try run("--version")
        #expect(try run("--json", "--version").text == outcome.text)
        #expect(outcome.status == 0)
        #expect(outcome.text.contains(/^ai-team \d+\.\d+\.\d+ \([0-9a-z]+, built \d{4}-\d\d-\d\d\)\n$/))
    }

    @Test(
        "Wrong usage exits 64, for people and as JSON",
        arguments: [
            ["no-such-command"], ["create-task"], ["list-tasks", "--priority", "urgent"], ["--mode"],
            ["tasks", "list", "--limit", "-1"], ["completions", "tcsh"],
        ])
    func usage(_ words: [String]) throws {
        let plain = try Program.run(words, in: FileManager.default.temporaryDirectory)
        #expect(plain.status == 64)
        #expect(plain.text.isEmpty)
        #expect(plain.errors.hasPrefix("ai-team: error: "))
        let json = try Program.run(["--json"] + words, in: FileManager.default.temporaryDirectory)
        #expect(json.status == 64)
        #expect(try json.error()["code"].string == "usage")
        #expect(json.text.isEmpty)
    }

    @Test("Every command has examples in its help")
    func examples() throws {
        let dump = try run("--experimental-dump-help").json()
        func walk(_ command: JSON, _ path: [String]) {
            let inner = command["subcommands"].list
            let words = path + [command["commandName"].string ?? ""]
            if ["help", "key-agent", "re-encrypt"].contains(where: words.contains) { return }
            for next in inner { walk(next, words) }
            if inner.isEmpty || path.isEmpty {
                #expect(command["discussion"].string?.contains("EXAMPLES:") == true, "\(words)")
            }
        }
        walk(dump["command"], [])
    }

    @Test("Completion scripts name our commands", arguments: ["bash", "zsh", "fish"])
    func completions(_ shell: String) throws {
        let outcome = try run("completions", shell)
        #expect(outcome.status == 0)
        #expect(outcome.text.contains("create-task"))
    }

    @Test("A reader that goes away ends the program in silence")
    func closedPipe() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        let line = "set -o pipefail; \"$0\" completions bash | head -c 1 >/dev/null"
        process.arguments = ["-c", line, Program.path]
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(errors.fileHandleForReading.readDataToEndOfFile().isEmpty)
    }
}
