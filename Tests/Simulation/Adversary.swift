internal import ObjectStorage
internal import Sync
internal import TestSupport
internal import Vault

/// A store that lies to whom it pleases. It can show anything that it has ever been given, in whole or
/// damaged, and nothing that it would have to sign.
struct Adversary {
    enum Lie: CaseIterable {
        case older, absent, swapped, flipped, cut, unchanged, huge, garbage
    }

    /// What a device is shown in the place of an honest answer.
    func answer(
        _ lie: Lie, _ name: SyncName, honest: RemoteAnswer, store: ModelStore, limit: Int,
        _ random: inout SplitMix64
    ) -> RemoteAnswer {
        switch lie {
        case .older:
            guard let old = store.versions[name]?.randomElement(using: &random) else { return honest }
            return .object(old.bytes, old.etag)
        case .absent: return .absent
        case .swapped:
            let others = store.objects.filter { $0.key != name }
            guard let other = others.randomElement(using: &random)?.value else { return honest }
            return .object(other.bytes, other.etag)
        case .flipped:
            guard case .object(var bytes, let etag) = honest, !bytes.isEmpty else { return honest }
            bytes[Int.random(in: 0..<bytes.count, using: &random)] ^=
                1 << UInt8.random(in: 0..<8, using: &random)
            return .object(bytes, etag)
        case .cut:
            guard case .object(let bytes, let etag) = honest, !bytes.isEmpty else { return honest }
            return .object(Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &random))), etag)
        case .unchanged: return .unchanged
        case .huge: return .tooLong
        case .garbage:
            let bytes = (0..<Int.random(in: 0...600, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            return .object(bytes, ETag("garbage"))
        }
    }
}
