import GRDBSQLite

/// What a checkpoint asks the log about its frames.
extension WALFile {
    /// The pages that the first `count` frames name, each with its last frame. The numbers stand in clear in
    /// the records' trailers; nothing is authenticated here.
    func lastFrames(upTo count: UInt32) throws(EncryptedDatabaseError) -> [UInt32: UInt32] {
        var found: [UInt32: UInt32] = [:]
        guard count > 0 else { return found }
        for frame in 1...count {
            var number: UInt32 = 0
            let place = WALFile.offset(frame) + Int64(WALFile.frame - 4)
            guard methods.xRead(inner, &number, 4, place) == SQLITE_OK else { throw damaged(frame) }
            found[UInt32(bigEndian: number)] = frame
        }
        return found
    }

    /// The page of a frame as SQLite sees it; nil when the frame is of another page or does not authenticate.
    func page(_ number: UInt32, frame: UInt32) throws(EncryptedDatabaseError) -> [UInt8]? {
        let plain = UnsafeMutableRawPointer.zeroed(WALFile.plainFrame)
        defer { plain.deallocate() }
        guard try load(frame, into: plain) != nil, UnsafeRawPointer(plain).big32(0) == number else {
            return nil
        }
        let page = UnsafeRawBufferPointer(start: plain + WALFile.plainFrameHeader, count: Layout.page)
        return Array(page)
    }
}
