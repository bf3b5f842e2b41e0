import FileSystem
import Glibc

/// Files that a person names; `-` is standard input.
enum InputFile {
    /// The whole content, at most `limit` bytes.
    static func bytes(_ path: String, limit: Int = 64 << 20) throws -> [UInt8] {
        guard path == "-" else {
            return try Files.readAll(path, limit: limit)
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= limit {
            let count = read(0, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
        throw Failure(.failed, "standard input is longer than \(limit) bytes")
    }

    /// The text of an option's value: what it says, or standard input when it is `-`.
    static func text(of value: String?) throws -> String? {
        guard value == "-" else { return value }
        let bytes = try bytes("-")
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.failed, "standard input is not UTF-8 text")
        }
        return text.last == "\n" ? String(text.dropLast()) : text
    }

    /// The lines of a file that holds secrets, without line ends and empty ones. The caller wipes them.
    static func secretLines(_ path: String) throws -> [[UInt8]] {
        var bytes = try bytes(path, limit: 1 << 16)
        defer { bytes.wipe() }
        return bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.map { Array($0) }
    }

    /// The first line of a file that holds a secret, without its line end. The caller wipes it.
    static func secretLine(_ path: String) throws -> [UInt8] {
        var bytes = try bytes(path, limit: 1 << 16)
        let end = bytes.firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } ?? bytes.count
        let line = Array(bytes[..<end])
        bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { explicit_bzero(base, $0.count) } }
        guard !line.isEmpty else {
            throw Failure(.locked, "no passphrase in \(path): its first line is empty")
        }
        return line
    }
}
