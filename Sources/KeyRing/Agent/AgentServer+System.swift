internal import CSystem
import Cryptography
import FileSystem
import Glibc

/// The key agent's loop: one thread, sockets that never block, a deadline for every connection, so that no
/// peer can hold it up or make it grow.
struct AgentServer: ~Copyable {
    /// What the loop takes from outside.
    struct Surroundings: Sendable {
        /// Milliseconds of a clock that goes on during suspend.
        var now: @Sendable () -> UInt64 = BootClock.milliseconds
        /// The user at the other end of a connection.
        var peer: @Sendable (Int32) -> UInt32? = { AgentSocket.peer(of: $0) }
        /// The one user who is let in.
        var owner: UInt32 = getuid()
        /// The longest pause between two looks at the clock, in milliseconds.
        var pauseMilliseconds: Int32 = 5000
    }

    private struct Connection {
        let descriptor: Int32
        let deadline: UInt64
        var received: [UInt8] = []
    }

    private let path: String
    private let listener: Int32
    private let inode: UInt64
    private let around: Surroundings
    private let lock: FileLock
    private var core: AgentCore
    private var connections: [Connection] = []

    private static let connectionLimit = 16
    private static let patienceMilliseconds: UInt64 = 2000

    /// Listens at `path`. `conflict` when another agent does.
    init(
        path: String, vaultID: VaultID, root: SharedSecret, lifetime: AgentLifetime,
        around: Surroundings = Surroundings()
    ) throws(KeyError) {
        let held = try withFiles { () throws(FileError) in
            try FileLock.acquire(path + ".lock", .exclusive, timeout: .seconds(5))
        }
        guard let held else { throw KeyError(.conflict, "a key agent runs at \(path) already") }
        let listener = try AgentSocket.listen(at: path)
        self.lock = held
        self.path = path
        self.listener = listener
        self.around = around
        self.inode = AgentServer.inode(of: path)
        self.core = AgentCore(vaultID: vaultID, root: root, lifetime: lifetime, now: around.now())
    }

    /// Serves until the root is wiped: by `lock`, by time, or because the socket's name is gone.
    consuming func run() {
        var isOver = false
        while !isOver { isOver = !step() }
        for connection in connections { close(connection.descriptor) }
        if AgentServer.inode(of: path) == inode { unlink(path) }
        close(listener)
    }

    /// One wait and what it brought; false when the agent has ended.
    private mutating func step() -> Bool {
        let isFull = connections.count >= AgentServer.connectionLimit
        var waits = [pollfd(fd: isFull ? -1 : listener, events: Int16(POLLIN), revents: 0)]
        waits += connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        let left = core.remaining(at: around.now())
        let pause = min(UInt64(around.pauseMilliseconds), connections.isEmpty ? left : 100, left)
        let count = poll(&waits, nfds_t(waits.count), Int32(pause))
        guard count >= 0 || errno == EINTR else { return false }
        let now = around.now()
        if core.expire(at: now) || AgentServer.inode(of: path) != inode { return false }
        if count > 0 {
            let ready = zip(connections.indices, waits.dropFirst()).filter { $1.revents != 0 }.map(\.0)
            for index in ready.reversed() where !serve(index, now) { drop(index) }
            if waits[0].revents & Int16(POLLIN) != 0 { accept(now) }
        }
        for index in connections.indices.reversed() where now >= connections[index].deadline { drop(index) }
        return !core.expire(at: now)
    }

    private mutating func accept(_ now: UInt64) {
        let descriptor = Glibc.accept(listener, nil, nil)
        guard descriptor >= 0 else { return }
        let isOwner = around.peer(descriptor) == around.owner
        guard isOwner, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else {
            close(descriptor)
            return
        }
        connections.append(
            Connection(descriptor: descriptor, deadline: now + AgentServer.patienceMilliseconds))
    }

    /// Reads what is there and answers a whole message; false when the connection is done.
    private mutating func serve(_ index: Int, _ now: UInt64) -> Bool {
        let limit = AgentMessage.sizeLimit + 4
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = recv(connections[index].descriptor, &buffer, limit, 0)
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        guard count > 0 else { return false }
        connections[index].received += buffer[..<count]
        guard connections[index].received.count <= limit else { return false }
        do {
            guard let message = try AgentMessage.unframe(connections[index].received) else { return true }
            reply(core.answer(message, at: now), to: connections[index].descriptor)
        } catch {
            reply(.refused, to: connections[index].descriptor)
        }
        return false
    }

    /// An answer is smaller than any socket's buffer, so one call sends it or the peer is gone.
    private func reply(_ answer: AgentMessage.Answer, to descriptor: Int32) {
        var bytes = answer.encoded
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        _ = SecretBytes(wiping: &bytes)
    }

    private mutating func drop(_ index: Int) {
        close(connections[index].descriptor)
        _ = SecretBytes(wiping: &connections[index].received)
        connections.remove(at: index)
    }

    private static func inode(of path: String) -> UInt64 {
        var status = stat()
        return lstat(path, &status) == 0 ? UInt64(status.st_ino) : 0
    }
}

/// Milliseconds since the machine started, suspend included. C: clock_gettime(CLOCK_BOOTTIME)
enum BootClock {
    static let milliseconds: @Sendable () -> UInt64 = {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }
}

extension KeyAgent {
    /// Serves `keys` at `path` on the calling thread with a clock and a credential check of the caller's: for
    /// tests alone.
    package static func serve(
        _ keys: UnlockedKeys, at path: String, lifetime: AgentLifetime, now: @escaping @Sendable () -> UInt64,
        peer: @escaping @Sendable (Int32) -> UInt32?, isListening: () -> Void
    ) throws(KeyError) {
        let around = AgentServer.Surroundings(now: now, peer: peer, pauseMilliseconds: 5)
        let server = try AgentServer(
            path: path, vaultID: keys.vaultID, root: keys.state.root, lifetime: lifetime, around: around)
        isListening()
        server.run()
    }
}
