import FileSystem
import Glibc

/// A connection of the strict server, and what it reads and writes there: HTTP/1.1 with lengths, no chunks,
/// no `100 Continue`.
struct StrictSocket {
    private static let headLimit = 1 << 16
    private static let bodyLimit = 1 << 28
    private let connection: Int32
    private var buffer: [UInt8] = []
    private var part = [UInt8](repeating: 0, count: 1 << 17)

    init(_ connection: Int32) {
        self.connection = connection
        var on: Int32 = 1
        setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// A socket on a free port of loopback.
    static func listen() throws -> (socket: Int32, port: UInt16) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        // struct sockaddr_in: family, port, address.
        var address = [UInt8](repeating: 0, count: 16)
        withUnsafeBytes(of: sa_family_t(AF_INET)) { address.replaceSubrange(0..<2, with: $0) }
        address.replaceSubrange(4..<8, with: [127, 0, 0, 1])
        var length = socklen_t(address.count)
        let isBound = address.withUnsafeMutableBytes { bytes in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else {
                return false
            }
            return bind(listener, address, length) == 0 && Glibc.listen(listener, 64) == 0
                && getsockname(listener, address, &length) == 0
        }
        guard listener >= 0, isBound else {
            throw FileError(operation: "listen", path: "127.0.0.1", errno: errno)
        }
        return (listener, UInt16(address[2]) << 8 | UInt16(address[3]))
    }

    /// Runs `body` on a thread of its own.
    static func thread(_ body: @escaping @Sendable () -> Void) {
        final class Box: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(body)).toOpaque()
        let result = pthread_create(
            &thread, nil,
            { box in
                if let box { Unmanaged<Box>.fromOpaque(box).takeRetainedValue().body() }
                return nil
            }, box)
        guard result == 0 else {
            Unmanaged<Box>.fromOpaque(box).release()
            return
        }
        pthread_detach(thread)
    }

    /// The next request; nil at the end, and for what is no request.
    mutating func request() -> StrictRequest? {
        var searched = 0
        var end: Int?
        while end == nil {
            end = headEnd(from: searched)
            searched = max(0, buffer.count - 3)
            if end == nil, buffer.count > Self.headLimit || !fill() { return nil }
        }
        guard let end else { return nil }
        let head = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeFirst(end + 4)
        guard var request = StrictRequest(head: head) else { return nil }
        let length = request.headers["content-length"].flatMap { Int($0) } ?? 0
        guard 0...Self.bodyLimit ~= length else { return nil }
        buffer.reserveCapacity(length)
        while buffer.count < length { if !fill() { return nil } }
        if buffer.count == length {
            swap(&request.body, &buffer)
        } else {
            request.body = Array(buffer[..<length])
            buffer.removeFirst(length)
        }
        return request
    }

    private func headEnd(from start: Int) -> Int? {
        guard buffer.count >= start + 4 else { return nil }
        return (start...buffer.count - 4).first {
            buffer[$0] == 13 && buffer[$0 + 1] == 10 && buffer[$0 + 2] == 13 && buffer[$0 + 3] == 10
        }
    }

    private mutating func fill() -> Bool {
        while true {
            let count = recv(connection, &part, part.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            part.withUnsafeBytes { buffer.append(contentsOf: $0.prefix(count)) }
            return true
        }
    }

    /// Writes an answer, or its first half; false when nobody reads.
    func send(_ answer: StrictAnswer, isHead: Bool, isCut: Bool) -> Bool {
        var head = "HTTP/1.1 \(answer.status) \(answer.code.isEmpty ? "OK" : answer.code)\r\n"
        for (name, value) in answer.headers.sorted(by: { $0.key < $1.key }) {
            head += "\(name): \(value)\r\n"
        }
        if answer.status != 304, answer.status != 204 {
            head += "Content-Length: \(answer.length ?? answer.body.count)\r\n"
        }
        let body = isHead ? [] : isCut ? Array(answer.body.prefix(answer.body.count / 2)) : answer.body
        let bytes = Array((head + "\r\n").utf8) + body
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                Glibc.send(
                    connection, bytes.baseAddress.map { $0 + done }, bytes.count - done,
                    Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}
