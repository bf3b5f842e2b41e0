import Glibc
import KeyRing

func currentUser() -> UInt32 { getuid() }

func openToOthers(_ path: String) { chmod(path, 0o755) }

/// Starts a thread; it ends with `body`.
enum Thread {
    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    static func start(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(body)).toOpaque()
        pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, box)
        pthread_detach(thread)
    }
}

struct SocketError: Error { let code: Int32 }

/// A bare connection to a Unix socket.
func connectRaw(_ path: String) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    guard result == 0 else { throw SocketError(code: errno) }
    return descriptor
}

func closeRaw(_ descriptor: Int32) { close(descriptor) }

/// Sends bytes and hangs up.
func sendRaw(_ bytes: [UInt8], to path: String) throws {
    let descriptor = try connectRaw(path)
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    close(descriptor)
}
