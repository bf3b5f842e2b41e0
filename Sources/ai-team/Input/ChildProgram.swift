import Glibc

/// Another program, run to its end in an environment made for it.
enum ChildProgram {
    /// Where its standard output goes.
    enum Output {
        /// To this program's standard error.
        case shown
        /// To the caller.
        case taken
    }

    /// How it ended.
    struct Outcome {
        /// Its exit status; 128 and the signal's number when a signal ended it.
        let status: Int32
        /// What it wrote, if that was taken.
        let output: [UInt8]
    }

    /// Finds a program as a shell does.
    static func find(_ name: String) -> String? {
        for folder in ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"] {
            let path = "\(folder)/\(name)"
            if access(path, X_OK) == 0 { return path }
        }
        return nil
    }

    /// The environment of every child: nothing of this program's own but what says where and who one is.
    static func environment(_ own: [String: String] = [:]) -> [String: String] {
        var variables = ["PATH": "/usr/local/bin:/usr/bin:/bin"]
        for name in [
            "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
            "DBUS_SESSION_BUS_ADDRESS",
        ] {
            if let value = SecretSource.variable(name) { variables[name] = value }
        }
        return variables.merging(own) { $1 }
    }

    /// Runs a program with `input` as its standard input (at most 64 KiB; nothing: /dev/null).
    ///
    /// - Throws: `failed` when it can't be started.
    static func run(
        _ path: String, _ arguments: [String], environment: [String: String], input: [UInt8] = [],
        output: Output
    ) throws -> Outcome {
        let feed = try input.isEmpty ? nil : Pipe()
        let drain = try output == .taken ? Pipe() : nil
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let feed {
            posix_spawn_file_actions_adddup2(&actions, feed.reading, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, drain?.writing ?? 2, 1)
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var variables = environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var child = pid_t()
        let failed = posix_spawn(&child, path, &actions, nil, &words, &variables)
        guard failed == 0 else {
            throw Failure(.failed, "\(path) can't be started: \(String(cString: strerror(failed)))")
        }
        feed?.write(input)
        let taken = drain?.readAll() ?? []
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return Outcome(status: signal == 0 ? status >> 8 & 0xFF : 128 + signal, output: taken)
    }

    /// Two ends, neither inherited by other children.
    private final class Pipe {
        let reading: Int32
        private(set) var writing: Int32

        init() throws {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { throw Failure(.failed, "no pipe can be made") }
            (reading, writing) = (ends[0], ends[1])
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }

        deinit {
            close(reading)
            closeWriting()
        }

        private func closeWriting() {
            if writing >= 0 { close(writing) }
            writing = -1
        }

        func write(_ bytes: [UInt8]) {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(writing, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                rest = rest.dropFirst(count)
            }
            closeWriting()
        }

        func readAll() -> [UInt8] {
            closeWriting()
            var found: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = Glibc.read(reading, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return found }
                found += buffer[..<count]
            }
        }
    }
}
