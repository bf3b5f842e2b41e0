import Glibc
import Synchronization

/// Stands between programs and a server on loopback, and keeps every byte that passes, both ways: what
/// somebody on the wire could read.
package final class RecordingProxy: Sendable {
    private let listener: Int32
    /// Where it listens on loopback.
    package let port: UInt16
    private let target: UInt16
    private let recorded = Mutex<[[UInt8]]>([])
    private let onRequest = Mutex<(@Sendable (Int) -> Void)?>(nil)
    private let requestCount = Mutex(0)

    /// A proxy in front of `target`.
    package init(target: UInt16) throws {
        self.target = target
        (listener, port) = try StrictSocket.listen()
        StrictSocket.thread { [weak self, listener] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else {
                    if errno == EINTR || errno == ECONNABORTED { continue }
                    return
                }
                guard let proxy = self, let server = StrictSocket.connect(proxy.target) else {
                    Glibc.close(connection)
                    continue
                }
                proxy.join(connection, server)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        Glibc.close(listener)
    }

    package var endpoint: String { "http://127.0.0.1:\(port)" }

    /// Called with the number of each piece that a client sends, before it is passed on.
    package func watch(_ body: (@Sendable (Int) -> Void)?) {
        requestCount.withLock { $0 = 0 }
        onRequest.withLock { $0 = body }
    }

    /// What has passed so far: for each connection and direction one string of bytes.
    package var traffic: [[UInt8]] { recorded.withLock { $0 } }

    private func join(_ client: Int32, _ server: Int32) {
        let first = recorded.withLock { recorded in
            recorded += [[], []]
            return recorded.count - 2
        }
        // Each direction ends by itself; the last one to end closes both.
        let open = OpenEnds()
        StrictSocket.thread { self.pump(from: client, to: server, first, isRequest: true, open) }
        StrictSocket.thread { self.pump(from: server, to: client, first + 1, isRequest: false, open) }
    }

    private func pump(
        from source: Int32, to sink: Int32, _ index: Int, isRequest: Bool, _ open: OpenEnds
    ) {
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(source, &part, part.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            recorded.withLock { $0[index].append(contentsOf: part[..<count]) }
            if isRequest {
                let number = requestCount.withLock { count in
                    count += 1
                    return count
                }
                onRequest.withLock { $0 }?(number)
            }
            guard StrictSocket.sendAll(sink, part[..<count]) else { break }
        }
        shutdown(sink, Int32(SHUT_WR))
        shutdown(source, Int32(SHUT_RD))
        if open.endOne() {
            Glibc.close(source)
            Glibc.close(sink)
        }
    }

    /// Counts the directions of a connection that are still open.
    private final class OpenEnds: Sendable {
        private let count = Mutex(2)

        /// - Returns: whether it was the last.
        func endOne() -> Bool {
            count.withLock { count in
                count -= 1
                return count == 0
            }
        }
    }
}

extension StrictSocket {
    /// A connection to a port of loopback; nil when nobody listens.
    fileprivate static func connect(_ port: UInt16) -> Int32? {
        let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        // struct sockaddr_in: family, port, address.
        var address = [UInt8](repeating: 0, count: 16)
        withUnsafeBytes(of: sa_family_t(AF_INET)) { address.replaceSubrange(0..<2, with: $0) }
        address.replaceSubrange(2..<8, with: [UInt8(port >> 8), UInt8(port & 0xFF), 127, 0, 0, 1])
        let isConnected = address.withUnsafeBytes { bytes in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else {
                return false
            }
            return Glibc.connect(connection, address, socklen_t(bytes.count)) == 0
        }
        guard connection >= 0, isConnected else {
            if connection >= 0 { Glibc.close(connection) }
            return nil
        }
        return connection
    }

    /// Writes everything; false when nobody reads.
    fileprivate static func sendAll(_ connection: Int32, _ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { bytes in
                Glibc.send(connection, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
