import Glibc
import Testing

/// A running `test-worker`.
final class WorkerProcess: Sendable {
    private let process: pid_t
    private let output: Int32

    init(_ arguments: [String]) throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        #if DEBUG
            let program = "/\(root)/.build/debug/test-worker"
        #else
            let program = "/\(root)/.build/release/test-worker"
        #endif
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        let result = posix_spawn(&process, program, &actions, nil, &words, environ)
        close(ends[1])
        try #require(result == 0, "\(program)")
        self.process = process
        output = ends[0]
    }

    deinit { close(output) }

    /// Reads what it says until `enough` is content or it is gone; all lines that came whole.
    func lines(until enough: ([Substring]) -> Bool = { _ in false }) -> [Substring] {
        var text: [UInt8] = []
        var lines: [Substring] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !enough(lines) {
            let got = Glibc.read(output, &buffer, buffer.count)
            if got <= 0 { break }
            text += buffer[..<got]
            guard let end = text.lastIndex(of: 10) else { continue }
            lines = String(decoding: text[..<end], as: UTF8.self).split(separator: "\n")
        }
        return lines
    }

    /// kill -9
    func kill() { Glibc.kill(process, SIGKILL) }

    /// Waits for the end; its exit code, or -1 when it was killed.
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : -1
    }
}
