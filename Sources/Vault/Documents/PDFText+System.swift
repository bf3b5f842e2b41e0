internal import CSystem
internal import Glibc

/// The text of a PDF, by poppler's pdftotext when it is installed. The program gets the file as its standard
/// input, an environment of three variables, a minute and 64 MiB of output; nothing is written to disk.
enum PDFText {
    private static let program = "/usr/bin/pdftotext"
    private static let outputMax = 64 << 20
    private static let seconds: Int = 60

    /// - Returns: nil when the program is missing or makes nothing of the file.
    static func extract(_ source: SourceFile) throws -> [UInt8]? {
        guard access(program, X_OK) == 0 else { return nil }
        var ends: [Int32] = [-1, -1]
        // Visible to Swift and, unlike pipe(2), never inherited by a program that another thread starts.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
        defer { close(ends[0]) }
        let child = spawn(input: source.descriptor, output: ends[1])
        close(ends[1])
        guard let child else { return nil }
        let output = readAll(ends[0])
        if output == nil { kill(child, SIGKILL) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        guard let output, status == 0, String(validating: output, as: UTF8.self) != nil else { return nil }
        return output.isEmpty ? nil : output
    }

    private static func spawn(input: Int32, output: Int32) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = [program, "-q", "-enc", "UTF-8", "-", "-"].map {
            (text: String) in strdup(text)
        }
        arguments.append(nil)
        var environment: [UnsafeMutablePointer<CChar>?] = [
            "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/nonexistent",
        ].map { (text: String) in strdup(text) }
        environment.append(nil)
        defer { for text in arguments + environment { free(text) } }
        var child = pid_t()
        return posix_spawn(&child, program, &actions, nil, &arguments, &environment) == 0 ? child : nil
    }

    /// Everything until the end; nil when it takes too long or is too much.
    private static func readAll(_ descriptor: Int32) -> [UInt8]? {
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let end = now.tv_sec + seconds
        while true {
            clock_gettime(CLOCK_MONOTONIC, &now)
            guard now.tv_sec < end else { return nil }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 1000) != 0 else { continue }
            let n = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if n < 0 && errno == EINTR { continue }
            guard n > 0 else { return n == 0 ? output : nil }
            guard output.count + n <= outputMax else { return nil }
            output += buffer[..<n]
        }
    }
}
