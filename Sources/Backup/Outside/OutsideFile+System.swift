internal import CSystem
internal import Glibc

/// A regular file outside the vault while it is read.
struct OutsideFile: ~Copyable {
    private let descriptor: Int32
    /// As it was when it was opened.
    let status: OutsideStatus

    init(_ descriptor: Int32) throws(OutsideFailure) {
        guard descriptor >= 0 else { throw OutsideFailure() }
        var raw = stat()
        guard fstat(descriptor, &raw) == 0 else {
            let failure = OutsideFailure()
            close(descriptor)
            throw failure
        }
        self.descriptor = descriptor
        status = OutsideStatus(raw)
    }

    deinit { close(descriptor) }

    /// Whether it is now what it was when it was opened. C: fstat
    func isUnchanged() -> Bool {
        var raw = stat()
        guard fstat(descriptor, &raw) == 0 else { return false }
        let now = OutsideStatus(raw)
        return now.size == status.size && now.modified == status.modified && now.changed == status.changed
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

    /// How many bytes from `offset` on are a hole. C: lseek(SEEK_DATA)
    func hole(at offset: Int64) -> Int64 {
        let data = lseek(descriptor, off_t(offset), 3)
        if data >= 0 { return Int64(data) - offset }
        return errno == ENXIO ? max(0, status.size - offset) : 0
    }
}
