import FileSystem
import Glibc
import Synchronization

/// A running `test-worker`.
package final class WorkerProcess: Sendable {
    private let process: pid_t
    private let output: Int32
    private let said = Mutex<[UInt8]>([])

    /// Starts it; `environment` is added to this process's own.
    package init(_ arguments: [String], environment: [String: String] = [:]) throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        #if DEBUG
            let program = "/\(root)/.build/debug/test-worker"
        #else
            let program = "/\(root)/.build/release/test-worker"
        #endif
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw FileError(operation: "pipe", path: program, errno: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        var words = Self.texts([program] + arguments)
        var variables = Self.texts(Self.inherited() + environment.map { "\($0)=\($1)" })
        defer { for text in words + variables { free(text) } }
        var process: pid_t = 0
        let result = posix_spawn(&process, program, &actions, nil, &words, &variables)
        close(ends[1])
        guard result == 0 else { throw FileError(operation: "spawn", path: program, errno: result) }
        self.process = process
        output = ends[0]
    }

    deinit { close(output) }

    private static func texts(_ strings: [String]) -> [UnsafeMutablePointer<CChar>?] {
        strings.map { strdup($0) } + [nil]
    }

    private static func inherited() -> [String] {
        var found: [String] = []
        var next = environ
        while let text = next.pointee {
            found.append(String(cString: text))
            next += 1
        }
        return found
    }

    /// Reads what it says until `enough` is content or it is gone; all lines that came whole since it began.
    @discardableResult
    package func lines(until enough: ([Substring]) -> Bool = { _ in false }) -> [Substring] {
        said.withLock { text in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let whole = text[..<(text.lastIndex(of: 10) ?? 0)]
                let lines = String(decoding: whole, as: UTF8.self).split(separator: "\n")
                if enough(lines) { return lines }
                let got = Glibc.read(output, &buffer, buffer.count)
                if got <= 0 { return lines }
                text += buffer[..<got]
            }
        }
    }

    /// Stops it where it is, for as long as `body` runs: what it has on the disk then stays.
    package func whileStopped<R>(_ body: () throws -> R) rethrows -> R {
        Glibc.kill(process, SIGSTOP)
        var status: Int32 = 0
        while waitpid(process, &status, WUNTRACED) < 0, errno == EINTR {}
        defer { Glibc.kill(process, SIGCONT) }
        return try body()
    }

    /// kill -9
    package func kill() { Glibc.kill(process, SIGKILL) }

    /// Waits for the end; its exit code, or -1 when it was killed.
    package func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : -1
    }
}

/// How much a stress test does: a small slice unless the environment says more.
package func stressCount(_ variable: String, _ standard: Int) -> Int {
    getenv(variable).flatMap { Int(String(cString: $0)) } ?? standard
}

/// A seed for this run, printed so that the run can be repeated: `AI_TEAM_TEST_SEED` sets it.
package func printedSeed(_ test: String = #function) -> UInt64 {
    let seed = stressCount("AI_TEAM_TEST_SEED", Int.random(in: 1...1_000_000_000))
    print("\(test): seed \(seed)")
    return UInt64(seed)
}
