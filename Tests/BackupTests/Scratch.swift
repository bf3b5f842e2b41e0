import Glibc

/// A directory of its own for one test, removed afterwards.
final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/ai-team-backup-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ScratchFailure() }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { _ = run("/bin/rm", "-rf", path) }

    /// A new directory inside.
    func directory(_ name: String) -> String {
        let path = self.path + "/" + name
        mkdir(path, 0o700)
        return path
    }
}

struct ScratchFailure: Error {}

/// What a program printed and how it ended.
struct Ended {
    var status: Int32
    var output: String
}

/// Runs a program to its end.
func run(_ program: String, _ arguments: String..., in directory: String? = nil) -> Ended {
    run(program, arguments, in: directory)
}

/// Runs a program to its end.
func run(_ program: String, _ arguments: [String], in directory: String? = nil) -> Ended {
    func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
    var line = ([program] + arguments).map(quoted).joined(separator: " ") + " 2>&1"
    if let directory { line = "cd \(quoted(directory)) && " + line }
    guard let pipe = popen(line, "r") else { return Ended(status: -1, output: "") }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { bytes += buffer.prefix(count) }
    let status = pclose(pipe)
    return Ended(status: (status >> 8) & 0xFF, output: String(decoding: bytes, as: UTF8.self))
}

/// All bytes of a file.
func contents(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer.prefix(count) }
    return bytes
}

/// Writes a file.
func put(_ bytes: [UInt8], _ path: String) {
    guard let file = fopen(path, "w") else { return }
    _ = fwrite(bytes, 1, bytes.count, file)
    fclose(file)
}
