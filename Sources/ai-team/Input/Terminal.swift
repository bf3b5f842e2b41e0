import Glibc
import Synchronization

/// The controlling terminal: where passphrases and confirmations are asked, whatever the streams are.
struct Terminal: ~Copyable {
    private let descriptor: Int32

    /// Nil when the process has no terminal.
    init?() {
        descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// Asks for a line without echo. The caller wipes the bytes.
    func askSecret(_ prompt: String) throws -> [UInt8] {
        var before = termios()
        guard tcgetattr(descriptor, &before) == 0 else { throw Failure(.locked, "can't use the terminal") }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        Signals.quietTerminal.store(descriptor, ordering: .relaxed)
        tcsetattr(descriptor, TCSAFLUSH, &silent)
        defer {
            tcsetattr(descriptor, TCSAFLUSH, &before)
            Signals.quietTerminal.store(-1, ordering: .relaxed)
            show("\n")
        }
        show(prompt)
        return try line()
    }

    /// Asks a question; true when the answer is `yes` or `y`.
    func confirm(_ question: String) throws -> Bool {
        show("\(question) [y/N] ")
        let answer = String(decoding: try line(), as: UTF8.self).lowercased()
        return answer == "y" || answer == "yes"
    }

    /// Asks for a line.
    func ask(_ question: String) throws -> String {
        show(question)
        return String(decoding: try line(), as: UTF8.self)
    }

    private func show(_ text: String) {
        var text = text
        text.withUTF8 { bytes in _ = write(descriptor, bytes.baseAddress, bytes.count) }
    }

    private func line() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count < 4096 {
            let count = read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { break }
            if byte == UInt8(ascii: "\n") { return bytes }
            bytes.append(byte)
        }
        throw Failure(.locked, "no line was entered")
    }
}
