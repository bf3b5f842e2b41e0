import Cryptography
import Testing

@Suite struct EncodingTests {
    @Test func canonicalBytes() throws {
        var writer = CanonicalWriter()
        writer.u8(1)
        writer.u16(0x0203)
        writer.u32(0x0405_0607)
        writer.u64(0x0809_0a0b_0c0d_0e0f)
        writer.raw([0xaa])
        writer.blob([0xbb, 0xcc])
        writer.string("é")
        writer.count(2)
        writer.raw([1, 2])
        #expect(
            hex(writer.bytes)
                == "0102030405060708090a0b0c0d0e0f" + "aa" + "00000002bbcc" + "00000002c3a9" + "000000020102")

        var reader = CanonicalReader(writer.bytes)
        #expect(try reader.u8() == 1)
        #expect(try reader.u16() == 0x0203)
        #expect(try reader.u32() == 0x0405_0607)
        #expect(try reader.u64() == 0x0809_0a0b_0c0d_0e0f)
        #expect(try reader.raw(1) == [0xaa])
        #expect(try reader.blob(limit: 2) == [0xbb, 0xcc])
        #expect(try reader.string(limit: 10) == "é")
        #expect(try reader.count(limit: 2) == 2)
        #expect(failure { try reader.expectEnd() } == .malformed)
        #expect(try reader.raw(2) == [1, 2])
        try reader.expectEnd()
    }

    @Test func lengthsAreNeverBelieved() {
        func refused(_ bytes: [UInt8], _ read: (inout CanonicalReader) throws -> Void) {
            var reader = CanonicalReader(bytes)
            #expect(failure { try read(&reader) } == .malformed)
        }
        refused([]) { _ = try $0.u8() }
        refused([1, 2, 3]) { _ = try $0.u32() }
        refused([1, 2, 3, 4, 5, 6, 7]) { _ = try $0.u64() }
        refused([1]) { _ = try $0.raw(2) }
        refused([1]) { _ = try $0.raw(-1) }
        refused([0, 0, 0, 2, 1]) { _ = try $0.blob(limit: 10) }
        refused([0, 0, 0, 2, 1, 1]) { _ = try $0.blob(limit: 1) }
        refused([255, 255, 255, 255]) { _ = try $0.blob(limit: .max) }
        refused([0, 0, 0, 1, 0xff]) { _ = try $0.string(limit: 10) }
        refused([255, 255, 255, 255, 0, 0]) { _ = try $0.count(limit: .max, elementCount: 1 << 20) }
        refused([0, 0, 0, 3, 0, 0]) { _ = try $0.count(limit: 2) }
    }

    @Test func crockfordRoundTrips() throws {
        for count in 0..<70 {
            let bytes = try RandomBytes.bytes(count)
            let text = Crockford32.encode(bytes)
            #expect(text.utf8.count == (count * 8 + 4) / 5)
            #expect(Crockford32.decode(text) == bytes)
            #expect(Crockford32.decode(text.uppercased()) == bytes)
        }
        #expect(Crockford32.encode([0xff, 0x00, 0xff]) == "zw0fy")
        #expect(Crockford32.encode(Array(0...9)) == "000g40r40m30e209")
    }

    @Test func crockfordForgivesWhatPeopleMixUp() {
        #expect(Crockford32.decode("00-OO oo") == Crockford32.decode("000000"))
        #expect(Crockford32.decode("iIlL 1111") == Crockford32.decode("11111111"))
    }

    @Test(arguments: ["u0", "0!", "0", "000", "000000", "zz", "é0"])
    func crockfordRefuses(_ text: String) {
        #expect(Crockford32.decode(text) == nil)
    }
}
