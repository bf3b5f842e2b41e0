import Backup
import Cryptography

/// Keys of a vault that does not exist.
final class FakeKeys: BackupKeys {
    let vaultID: [UInt8]
    let deviceID: [UInt8]
    let incarnation: UInt32
    let currentEpoch: UInt32 = 1
    let rosterRecords: [[UInt8]]
    let recipients: [(id: [UInt8], key: [UInt8])] = []
    private let signing: SigningKey
    private let agreement: AgreementKey

    init(
        vault: UInt8 = 1, device: UInt8 = 2, incarnation: UInt32 = 0,
        roster: [[UInt8]] = [Array("genesis".utf8), Array("second".utf8)]
    ) throws {
        rosterRecords = roster
        vaultID = Array(repeating: vault, count: 32)
        deviceID = Array(repeating: device, count: 16)
        self.incarnation = incarnation
        signing = try SigningKey(seed: SecretBytes(copying: Array(repeating: device, count: 32)))
        agreement = try AgreementKey(seed: SecretBytes(copying: Array(repeating: vault, count: 32)))
    }

    var publicKey: [UInt8] { signing.publicKey }

    func backupPublicKey(epoch: UInt32) throws -> [UInt8] { agreement.publicKey }

    func openBackupBox(
        _ box: [UInt8], ephemeral: [UInt8], info: [UInt8], epoch: UInt32
    ) throws -> SecretBytes {
        try SealedBox.open(
            box, with: agreement, ephemeralPublicKey: ephemeral, salt: vaultID, info: info)
    }

    func sign(_ bytes: [UInt8], domain: String) throws -> [UInt8] { try signing.sign(bytes, domain: domain) }
}

/// A seeded sequence of bytes and numbers.
struct Seeded {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next(below limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % limit
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(next(below: 256)) } }
}

/// A body that uses every field.
func sampleBody(_ random: inout Seeded) -> ManifestBody {
    let place = Extent(pack: 1, offset: 512, length: 99)
    let segment = Segment(parts: [Unit(place: place, plainLength: 1000)], sha256: random.bytes(32))
    let database = DatabaseRecord(
        databaseID: random.bytes(16), pageCount: 3, counter: 7, root: random.bytes(32), changeSequence: 41,
        full: [segment], deltas: [segment, segment])
    var statistics = BackupStatistics()
    statistics.files = 3
    statistics.documents.bytesAdded = 9
    return ManifestBody(
        tags: ["daily", "標籤"], paths: [[0x2F, 0xFF]], parent: random.bytes(16), statistics: statistics,
        database: database, documents: [segment], files: [segment])
}
