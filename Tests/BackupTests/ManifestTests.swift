import Backup
import Testing

@Suite struct ManifestTests {
    let keys: FakeKeys
    let body: ManifestBody
    let manifest: Manifest

    init() throws {
        keys = try FakeKeys()
        var random = Seeded(1)
        body = sampleBody(&random)
        let pack = PackRecord(
            id: random.bytes(16), length: 65_592, sha256: random.bytes(32), md5: random.bytes(16),
            header: random.bytes(56), epoch: 1,
            wraps: [
                WrappedKey(
                    kind: 1, recipient: random.bytes(16), ephemeral: random.bytes(32), box: random.bytes(48))
            ])
        manifest = try Manifest(
            id: random.bytes(16), body: body, packs: [pack, pack], previous: nil,
            created: 1_700_000_000_000, keys: keys)
    }

    @Test func whatWasWrittenIsRead() throws {
        let again = try Manifest(manifest.bytes, object: "m")
        #expect(again.head == manifest.head && again.clear == manifest.clear)
        #expect(again.bytes == manifest.bytes)
        try again.head.verify(publicKey: keys.publicKey, object: "m")
        #expect(try again.body(keys: keys, object: "m") == body)
        #expect(again.clear.roster == keys.rosterRecords)
    }

    @Test func theChainNamesTheHeadBefore() throws {
        let next = try Manifest(
            id: Array(repeating: 9, count: 16), body: body, packs: [], previous: manifest.head, created: 1,
            keys: keys)
        #expect(next.head.sequence == 2 && next.head.previous == manifest.head.hash)
    }

    @Test func everyFlippedByteIsNamed() throws {
        let bytes = manifest.bytes
        // All of the head and the clear part; of the padded encrypted part a sample.
        let split = ManifestHead.count + Int(manifest.head.clearLength)
        let offsets = Array(0..<split + 64) + Array(stride(from: split + 64, to: bytes.count, by: 997))
        for offset in offsets {
            var changed = bytes
            changed[offset] ^= 1 << UInt8(offset % 8)
            let error = #expect(throws: BackupError.self, "byte \(offset)") {
                try Manifest(changed, object: "m/x").head.verify(publicKey: keys.publicKey, object: "m/x")
            }
            #expect(error?.object == "m/x")
        }
    }

    @Test func anyOtherLengthIsNamed() throws {
        let bytes = manifest.bytes
        for count in [0, 3, 211, 212, 300, bytes.count - 1] {
            #expect(throws: BackupError.self) { try Manifest(Array(bytes.prefix(count)), object: "m") }
        }
        #expect(throws: BackupError.self) { try Manifest(bytes + [0], object: "m") }
    }

    @Test func anotherSignerAndNoSignerAreRefused() throws {
        let other = try FakeKeys(device: 3)
        #expect(throws: BackupError.self) {
            try manifest.head.verify(publicKey: other.publicKey, object: "m")
        }
        var head = manifest.head
        head.signature = Array(repeating: 0, count: 64)
        #expect(throws: BackupError.self) { try head.verify(publicKey: keys.publicKey, object: "m") }
    }

    @Test func anotherVaultsKeysDoNotOpenIt() throws {
        let other = try FakeKeys(vault: 7)
        #expect(throws: BackupError.self) { try manifest.body(keys: other, object: "m") }
    }

    @Test func aNewerFormatIsToldApart() throws {
        for (offset, value) in [(4, UInt8(2)), (5, 9), (7, 2)] {
            var bytes = manifest.bytes
            bytes[offset] = value
            let error = #expect(throws: BackupError.self) { try Manifest(bytes, object: "m") }
            #expect(error?.code == .newerFormat)
        }
    }

    @Test func itsSizeStandsOnTheGrid() throws {
        #expect(SizeGrid.padded(0) == 65_536 && SizeGrid.padded(65_536) == 65_536)
        #expect(SizeGrid.padded(65_537) == 69_632)
        for n in stride(from: 1, to: 40_000_000, by: 777_777) {
            let padded = SizeGrid.padded(n)
            #expect(padded >= n && SizeGrid.padded(padded) == padded)
            #expect(n < SizeGrid.floor || padded - n <= n / 16)
        }
    }
}

@Suite struct PageGroupTests {
    @Test func groupsComeBackAndDamageIsNamed() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = Seeded(seed)
        let pages = (1...3).map { i in
            PlainPage(
                number: UInt32(i * 5),
                version: PageVersion(epoch: 1, nonce: random.bytes(24), tag: random.bytes(16)),
                plain: random.bytes(PlainPage.count))
        }
        let bytes = PageGroup.encode(pages)
        #expect(try PageGroup.decode(bytes, object: "g") == pages)
        for count in stride(from: 0, to: bytes.count, by: 511) {
            let cut = Array(bytes.prefix(count))
            #expect(throws: BackupError.self) { try PageGroup.decode(cut, object: "g") }
        }
        #expect(throws: BackupError.self) { try PageGroup.decode(bytes + [0], object: "g") }
        let swapped = PageGroup.encode([pages[1], pages[0]])
        #expect(throws: BackupError.self) { try PageGroup.decode(swapped, object: "g") }
    }
}
