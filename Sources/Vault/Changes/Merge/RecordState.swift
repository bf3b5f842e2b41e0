/// What one record is after a set of changes, in whatever order and parts they came. Each field counts by
/// itself: the newest value wins, overwritten ones stay below it, demoted ones stand aside as candidates.
///
/// The only exception to the newest: a task that was completed stays so. Completion is final in every vault,
/// and a claim or a cancellation from a device that had not seen it must not undo it.
public struct RecordState: Sendable {
    public let key: RecordKey
    /// The birth certificate: the least one, where several vaults made a record of this id. Nil before the
    /// first change.
    public private(set) var dot: Dot?
    /// Removed for good, by whom. A purge wins over everything, whatever its stamp.
    public private(set) var purge: Register?
    /// By rising number.
    private(set) var fields: [FieldRegisters] = []
    private var verdicts: [JudgedField: Bool] = [:]

    public init(_ key: RecordKey) { self.key = key }

    /// Takes over what a batch changed in this record.
    public mutating func apply(
        _ changes: [FieldChange], dot: Dot, stamp: HybridTime, origin: Origin
    ) {
        self.dot = min(self.dot ?? dot, dot)
        if let purged = changes.first(where: { $0.field == Collection.purgedField }) {
            let register = Register(purged.value, stamp: stamp, origin: origin)
            purge = max(purge ?? register, register)
            fields = []
            verdicts = [:]
        }
        guard purge == nil else { return }
        for change in changes { insert(Register(change.value, stamp: stamp, origin: origin), change.field) }
    }

    /// Takes over a verdict, which may come before what it judges.
    public mutating func apply(_ verdict: Verdict) {
        guard purge == nil, verdict.write.key == key else { return }
        for field in verdict.write.fields {
            let judged = JudgedField(verdict.write.origin, verdict.write.stamp, field)
            verdicts[judged] = verdicts[judged] ?? false || verdict.settles
        }
    }

    private mutating func insert(_ register: Register, _ number: UInt32) {
        let index = fields.firstIndex { $0.number >= number } ?? fields.endIndex
        if index == fields.endIndex || fields[index].number != number {
            fields.insert(FieldRegisters(number: number), at: index)
        }
        fields[index].insert(register)
    }

    /// The numbers of all fields that were ever given a value.
    public var fieldNumbers: [UInt32] { fields.map(\.number) }

    /// All values a field was ever given, by rising order.
    public func registers(_ field: UInt32) -> [Register] {
        fields.first { $0.number == field }?.registers ?? []
    }

    /// The value that counts.
    /// - Parameter limit: as a vault sees it that takes no later stamp for true yet; nil for all.
    public func winner(_ field: UInt32, notAfter limit: HybridTime? = nil) -> Register? {
        fields.first { $0.number == field }.flatMap { winner($0, notAfter: limit) }
    }

    func winner(_ field: FieldRegisters, notAfter limit: HybridTime? = nil) -> Register? {
        func counts(_ register: Register) -> Bool {
            (limit.map { register.stamp <= $0 } ?? true) && !isDemoted(register, field.number)
        }
        if key.collection == Collection.task.number, field.number == TaskField.status.rawValue,
            let completed = field.registers.last(where: { $0.isCompleted && counts($0) })
        {
            return completed
        }
        return field.registers.last(where: counts)
    }

    /// Values that were demoted and that nobody has taken or dropped yet.
    public func candidates(_ field: UInt32) -> [Register] {
        guard !verdicts.isEmpty else { return [] }
        return registers(field).filter { verdicts[JudgedField($0, field)] == false }
    }

    /// Whether a verdict keeps this value from counting.
    public func isDemoted(_ register: Register, _ field: UInt32) -> Bool {
        !verdicts.isEmpty && verdicts[JudgedField(register, field)] != nil
    }

    /// Whether there is a verdict already on what this origin wrote under this stamp.
    func isJudged(_ origin: Origin, _ stamp: HybridTime, _ field: UInt32, settled: Bool) -> Bool {
        let verdict = verdicts[JudgedField(origin, stamp, field)]
        return verdict == true || verdict == false && !settled
    }

    /// The verdicts but those on candidates: on values that are settled, or that have not come yet.
    func verdictsBeyondCandidates() -> [Verdict] {
        let rest = verdicts.filter { judged, settled in
            settled || !registers(judged.field).contains { JudgedField($0, judged.field) == judged }
        }
        return rest.map { judged, settled in
            Verdict(
                FieldWrite(key: key, origin: judged.origin, stamp: judged.stamp, fields: [judged.field]),
                settles: settled)
        }
    }

    /// Whether there is any verdict on its values.
    var isJudged: Bool { !verdicts.isEmpty }

    /// Whether it is worth looking for conflicts in it.
    var mayConflict: Bool {
        !verdicts.isEmpty || (winner(Collection.deletedField)?.value ?? .null) != .null
            || SyncGroup(collection: key.collection) == .knowledgeBase
    }

    /// Whether anything was ever changed: a verdict alone makes no record.
    public var exists: Bool { dot != nil }
}

/// All values that one field was given, the winning one last.
struct FieldRegisters: Sendable, Equatable {
    let number: UInt32
    private(set) var registers: [Register] = []

    init(number: UInt32) { self.number = number }

    /// A register that is there already is not doubled.
    mutating func insert(_ register: Register) {
        var index = registers.endIndex
        while index > 0, register < registers[index - 1] { index -= 1 }
        guard index == 0 || registers[index - 1] != register else { return }
        registers.insert(register, at: index)
    }
}

/// One value of one field, as verdicts name it.
private struct JudgedField: Sendable, Hashable {
    let origin: Origin
    let stamp: HybridTime
    let field: UInt32

    init(_ origin: Origin, _ stamp: HybridTime, _ field: UInt32) {
        self.origin = origin
        self.stamp = stamp
        self.field = field
    }

    init(_ register: Register, _ field: UInt32) { self.init(register.origin, register.stamp, field) }
}

extension Register {
    fileprivate var isCompleted: Bool {
        guard case .text(let text) = value else { return false }
        return text.hasSameBytes(as: TaskStatus.completed.rawValue)
    }
}
