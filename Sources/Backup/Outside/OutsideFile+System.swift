internal import CSystem
internal import Glibc

/// A regular file outside the vault while it is read.
struct OutsideFile: ~Copyable {
    private let descriptor: Int32

    init(_ descriptor: Int32) throws(OutsideFailure) {
        guard descriptor >= 0 else { throw OutsideFailure() }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// What it is now. C: fstat
    func status() throws(OutsideFailure) -> OutsideStatus {
        var raw = stat()
        guard fstat(descriptor, &raw) == 0 else { throw OutsideFailure() }
        return OutsideStatus(raw)
    }

    /// Whether it is now what it was when it had `status`. C: fstat
    func isStill(_ status: OutsideStatus) -> Bool {
        var raw = stat()
        guard fstat(descriptor, &raw) == 0 else { return false }
        let now = OutsideStatus(raw)
        return now.kind == status.kind && now.identity == status.identity && now.size == status.size
            && now.modified == status.modified && now.changed == status.changed
    }

    /// Reads until the buffer is full or the file ends; returns the bytes read. C: pread
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(OutsideFailure) -> Int {
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let count = pread(descriptor, base + done, buffer.count - done, off_t(offset) + off_t(done))
            if count < 0 {
                if errno == EINTR { continue }
                throw OutsideFailure()
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Reads the file from its start with one call: all of it when it is shorter than the buffer. C: read
    func readStart(into buffer: UnsafeMutableRawBufferPointer) throws(OutsideFailure) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw OutsideFailure() }
        }
    }

    /// How many bytes from `offset` on are a hole, in a file of `size` bytes. C: lseek(SEEK_DATA)
    func hole(at offset: Int64, size: Int64) -> Int64 {
        let data = lseek(descriptor, off_t(offset), 3)
        if data >= 0 { return Int64(data) - offset }
        return errno == ENXIO ? max(0, size - offset) : 0
    }
}
