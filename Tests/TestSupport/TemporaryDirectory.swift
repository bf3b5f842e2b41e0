import FileSystem
import Glibc

/// A directory of a test's own that goes with the value.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        path = base + "/ai-team-test-" + String(UInt64.random(in: .min ... .max), radix: 36)
        try Files.createDirectory(path)
    }

    deinit {
        // A test that removed its own directory has nothing left to clean.
        do { try Files.removeTree(path) } catch { print("left behind: \(path): \(error)") }
    }

    /// A path inside.
    package func callAsFunction(_ name: String) -> String { path + "/" + name }

    /// Copies a directory with everything in it; sparse files stay sparse.
    package static func copyTree(_ source: String, to target: String) throws {
        guard let status = try Files.status(source) else { return }
        switch status.kind {
        case .directory:
            try Files.createDirectory(target)
            for name in try Files.list(source) {
                try copyTree(source + "/" + name, to: target + "/" + name)
            }
        case .regular:
            let input = try File.open(source, .read)
            let output = try File.open(target, .create, permissions: status.permissions)
            try output.truncate(to: status.size)
            var offset: Int64 = 0
            let zeros = [UInt8](repeating: 0, count: 1 << 16)
            while offset < status.size {
                let part = try input.read(count: 1 << 16, at: offset)
                if part.isEmpty { break }
                if part != zeros { try output.write(part, at: offset) }
                offset += Int64(part.count)
            }
        case .symbolicLink, .other: return
        }
    }
}
