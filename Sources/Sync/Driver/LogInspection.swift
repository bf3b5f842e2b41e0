internal import KeyRing
internal import ObjectStorage
internal import Vault

/// Log objects of a remote, beside what heads say of them: in the range of a head none may be missing, and
/// each links to the one before, up to the hash that the head names.
struct LogInspection {
    private struct Key: Hashable {
        let author: Author
        let day: LogDay
        let number: UInt64
    }

    private let vaultID: VaultID
    private let retention: Int
    private let today: LogDay
    private var ranges: [Author: LogRange] = [:]
    private var objects: [Key: SignedObject] = [:]
    /// What this device knew before the names were listed. A head that hides some is not among it.
    private let known: [Author: LogRange]
    /// Missing objects that are named, of each author.
    private static let limit = 1000

    init(of sync: VaultSync) {
        vaultID = sync.keys.vaultID
        retention = sync.membership.logRetentionDays
        today = LogDay(milliseconds: Int64(clamping: sync.now()))
        var known: [Author: LogRange] = [:]
        for (author, mark) in sync.state.heads { known[author] = mark.logs }
        if let head = sync.state.head { known[sync.state.author] = head.body.logs }
        self.known = known
    }

    /// What a head at the remote says.
    mutating func add(_ range: LogRange, of author: Author) { ranges[author] = range }

    /// A log object that is what its author sealed.
    mutating func add(_ object: SignedObject, on day: LogDay?) {
        guard let day else { return }
        objects[Key(author: object.header.lane.author, day: day, number: object.header.sequence)] = object
    }

    /// What is missing, or does not follow.
    func failures() -> [RemoteInspection.Failure] {
        Set(known.keys).union(ranges.keys).sorted().flatMap(failures(of:))
    }

    private func failures(of author: Author) -> [RemoteInspection.Failure] {
        // Of a life that this device has heard nothing of, its head's word is all there is.
        guard let range = known[author] ?? ranges[author] else { return [] }
        var found: [RemoteInspection.Failure] = []
        var before: SignedObject?
        // What is old enough a rule of the bucket may have removed before its author was there.
        for entry in range.days where !entry.day.isOlder(than: retention - 1, at: today) {
            for number in range.numbers(on: entry.day) {
                guard found.count < Self.limit else { return found }
                let object = objects[Key(author: author, day: entry.day, number: number)]
                func fail(_ reason: String) {
                    let name = name(author, entry.day, number)
                    found.append(RemoteInspection.Failure(object: name, reason: reason))
                }
                if let object {
                    if let before, object.header.link != before.hash {
                        fail("it does not follow the one before")
                    }
                    if number == range.last.sequence, object.hash != range.last.hash {
                        fail("it is another one than its author's head names")
                    }
                } else {
                    fail("it is withheld: its author's head says that it is there")
                }
                before = object
            }
        }
        return found
    }

    private func name(_ author: Author, _ day: LogDay, _ number: UInt64) -> String {
        let name = SyncName.log(author, day, number).objectName(vault: vaultID).text
        return String(name.dropFirst(SyncName.root.count))
    }
}
