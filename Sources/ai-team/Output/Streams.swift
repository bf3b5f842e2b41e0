import Glibc
import Synchronization

/// Standard output, buffered. A reader that went away ends the program in silence.
enum StandardOutput {
    private static let buffer = Mutex<[UInt8]>([])

    static func write(_ text: String) {
        write(Array(text.utf8))
    }

    static func write(_ bytes: some Collection<UInt8>) {
        let full = buffer.withLock { held in
            held.append(contentsOf: bytes)
            return held.count >= 1 << 16
        }
        if full { flush() }
    }

    static func flush() {
        buffer.withLock { held in
            drain(held, to: 1)
            held.removeAll(keepingCapacity: true)
        }
    }

    private static func drain(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { whole in
            var rest = whole[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                let count = Glibc.write(descriptor, part.baseAddress, part.count)
                if count > 0 {
                    rest = rest.dropFirst(count)
                } else if errno == EPIPE {
                    _exit(0)
                } else if errno != EINTR {
                    let reason = String(cString: strerror(errno))
                    StandardError.write("ai-team: error: can't write to standard output: \(reason)\n")
                    _exit(1)
                }
            }
        }
    }
}

/// Standard error, unbuffered; what can't be written there is dropped, for there is nowhere to say so.
enum StandardError {
    static let isTerminal = isatty(2) == 1

    static func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in _ = Glibc.write(2, bytes.baseAddress, bytes.count) }
    }
}
