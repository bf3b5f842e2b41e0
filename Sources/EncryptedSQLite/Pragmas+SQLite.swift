import GRDBSQLite

/// The pragmas that must not have their usual effect. Asking is always allowed; what is swallowed leaves the
/// setting as it is, what is refused says so.
enum Pragmas {
    static func answer(_ main: MainFile, _ argument: UnsafeMutableRawPointer?) -> Int32 {
        guard let argument else { return SQLITE_NOTFOUND }
        let words = argument.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self)
        guard let name = words[1].map({ String(cString: $0).lowercased() }),
            let value = words[2].map({ String(cString: $0).lowercased() })
        else { return SQLITE_NOTFOUND }
        switch name {
        case "page_size", "mmap_size", "auto_vacuum", "wal_autocheckpoint": return SQLITE_OK
        case "synchronous":
            return ["2", "3", "full", "extra"].contains(value) ? SQLITE_NOTFOUND : SQLITE_OK
        case "temp_store": return ["2", "memory"].contains(value) ? SQLITE_NOTFOUND : SQLITE_OK
        case "journal_mode":
            return value == "wal" ? SQLITE_NOTFOUND : refuse(words, "the journal mode is always WAL")
        case "locking_mode":
            return value == "normal" ? SQLITE_NOTFOUND : refuse(words, "the locking mode is always NORMAL")
        default: return SQLITE_NOTFOUND
        }
    }

    private static func refuse(
        _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, _ reason: String
    ) -> Int32 {
        let count = reason.utf8.count + 1
        guard let memory = sqlite3_malloc(Int32(count))?.assumingMemoryBound(to: CChar.self) else {
            return SQLITE_NOMEM
        }
        for (index, byte) in reason.utf8.enumerated() { memory[index] = CChar(bitPattern: byte) }
        memory[count - 1] = 0
        words[0] = memory
        return SQLITE_ERROR
    }
}
