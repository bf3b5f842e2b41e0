package import ObjectStorage
import Synchronization

/// A store whose line is bad: some calls are lost before they are done, some after, and some reads are cut.
/// Which, the seed decides.
package final class FaultyStore: ObjectStore {
    /// What happens to a call.
    package enum Fault: Sendable, CaseIterable { case lostBefore, lostAfter, cut }

    private let store: any ObjectStore
    private let hundredth: Int
    private let generator: Mutex<SplitMix64>

    /// - Parameter hundredth: how many of a hundred calls go wrong.
    package init(_ store: any ObjectStore, hundredth: Int, seed: UInt64) {
        self.store = store
        self.hundredth = hundredth
        generator = Mutex(SplitMix64(seed: seed))
    }

    private static let lost = StorageError(.unreachable, "the line was cut by the test")

    private func fault() -> Fault? {
        generator.withLock { generator in
            guard Int.random(in: 0..<100, using: &generator) < hundredth else { return nil }
            return Fault.allCases.randomElement(using: &generator)
        }
    }

    private func failing<R>(_ body: () throws -> R) throws -> R {
        let fault = fault()
        if fault == .lostBefore { throw Self.lost }
        let result = try body()
        guard fault == nil else { throw Self.lost }
        return result
    }

    package func head(_ name: ObjectName) throws -> ObjectInfo? { try failing { try store.head(name) } }

    /// A read that is cut gives its first half, and says of which version that was.
    package func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        let fault = fault()
        if fault == .lostBefore { throw Self.lost }
        var bytes: [UInt8] = []
        let info = try store.get(name, range: range, unless: unless) { bytes.append(contentsOf: $0) }
        let given = fault == nil ? bytes.count : fault == .cut ? bytes.count / 2 : 0
        try bytes.withUnsafeBytes { try sink(UnsafeRawBufferPointer(rebasing: $0[..<given])) }
        guard fault == nil else {
            throw StorageError(.unreachable, "the line was cut by the test", of: given > 0 ? info?.etag : nil)
        }
        return info
    }

    package func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        try failing { try store.put(name, body, condition) }
    }

    package func list(prefix: String, after: String?, limit: Int) throws -> ObjectPage {
        try failing { try store.list(prefix: prefix, after: after, limit: limit) }
    }

    package func delete(_ name: ObjectName) throws { try failing { try store.delete(name) } }

    package func beginParts(_ name: ObjectName) throws -> PartsID {
        try failing { try store.beginParts(name) }
    }

    package func putPart(
        _ name: ObjectName, _ id: PartsID, number: Int, _ body: ObjectBody
    ) throws -> ETag {
        try failing { try store.putPart(name, id, number: number, body) }
    }

    package func completeParts(
        _ name: ObjectName, _ id: PartsID, _ parts: [ETag], _ condition: PutCondition
    ) throws -> ETag {
        try failing { try store.completeParts(name, id, parts, condition) }
    }

    package func abortParts(_ name: ObjectName, _ id: PartsID) throws {
        try failing { try store.abortParts(name, id) }
    }
}
