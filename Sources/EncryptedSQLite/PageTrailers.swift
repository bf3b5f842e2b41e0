/// The tags of all pages of a main file, from their trailers. Nothing is decrypted.
struct PageTrailers {
    let file: Descriptor
    let pageCount: UInt32

    /// Hands out the tags in order, as 44 bytes: epoch 4 ‖ nonce 24 ‖ tag 16, zeros for the lock page.
    func each(_ body: (UInt32, UnsafeRawBufferPointer) throws -> Void) throws {
        // Small enough to stay in a core's cache: all that is wanted of a page are its last bytes.
        let batch = 32
        var bytes = [UInt8](repeating: 0, count: batch * Layout.page)
        var row = [UInt8](repeating: 0, count: PageTag.count)
        var number: UInt32 = 1
        while number <= pageCount {
            let count = min(batch, Int(pageCount - number) + 1)
            let offset = Int64(number - 1) * Int64(Layout.page)
            try bytes.withUnsafeMutableBytes { pages in
                let wanted = UnsafeMutableRawBufferPointer(rebasing: pages[..<(count * Layout.page)])
                guard try file.read(into: wanted, at: offset) == wanted.count else {
                    throw EncryptedDatabaseError.tampered(page: number)
                }
                for index in 0..<count {
                    let trailer = (index + 1) * Layout.page - Layout.trailer
                    if number == Layout.lockPage {
                        row = PageTag.none.bytes
                    } else {
                        for i in 0..<4 { row[i] = pages[trailer + 40 + i] }
                        for i in 0..<40 { row[4 + i] = pages[trailer + i] }
                    }
                    try row.withUnsafeBytes { try body(number, $0) }
                    number += 1
                }
            }
        }
    }
}
