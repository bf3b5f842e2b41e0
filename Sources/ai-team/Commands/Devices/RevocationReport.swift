import KeyRing
import Vault

/// What `device revoke` says: what counts on of the device, what it still knows, and what follows.
struct RevocationReport {
    let member: Roster.Member
    let name: String
    /// What opens the storage to it; nil where there is nothing to revoke.
    let credential: String?
    let areCredentialsRevoked: Bool
    /// The first epoch that it does not get.
    var epoch: UInt32
    var isDry = false
    /// When what is here is encrypted anew; nil where nothing is said of it.
    var reEncrypt: ReencryptionTime?
    private var pins: [Pin] = []
    private var isRemoved = false
    private var isSettled = false

    init(
        member: Roster.Member, name: String, credential: String?, areCredentialsRevoked: Bool, epoch: UInt32
    ) {
        self.member = member
        self.name = name
        self.credential = credential
        self.areCredentialsRevoked = areCredentialsRevoked
        self.epoch = epoch
    }

    /// Takes over what the roster says once the device was removed.
    mutating func settle(_ keys: UnlockedKeys) {
        let removed = keys.roster.former.last { $0.id == member.id }
        isRemoved = removed != nil
        pins = removed?.pins ?? []
        epoch = keys.roster.removalEpoch(of: member.id) ?? epoch
        isSettled = keys.currentEpoch >= epoch
    }

    /// The epochs whose keys it has; a machine that only writes backups has none.
    private var knownEpochs: ClosedRange<UInt32>? { member.role.reads ? 1...(epoch - 1) : nil }

    func print(_ context: Context) {
        context.console.emit({ write(to: &$0) }) { lines }
    }

    private func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("id", member.id.description)
            writer.field("name", name)
            writer.field("role", member.role.name)
            writer.field("removed", isRemoved)
            writer.field("dry_run", isDry)
            writer.field("epoch", Int(epoch))
            writer.field("settled", isRemoved && isSettled)
            writer.key("counts_until")
            writer.array { writer in
                for pin in pins {
                    writer.object { writer in
                        writer.field("kind", pin.kind == .segments ? "segments" : "backups")
                        writer.field("incarnation", Int64(pin.incarnation))
                        writer.field("stream", Int(pin.stream))
                        writer.field("sequence", Int64(clamping: pin.sequence))
                    }
                }
            }
            writer.key("still_knows")
            writer.object { writer in
                writer.key("epochs")
                writer.array { writer in
                    for epoch in knownEpochs.map(Array.init) ?? [] { writer.value(Int64(epoch)) }
                }
                writer.field("object_names", member.role.reads)
            }
            writer.field("re_encrypt", reEncrypt?.rawValue)
            writer.field("credential", credential)
            writer.field("credential_revoked", credential == nil || areCredentialsRevoked)
        }
    }

    private var lines: [String] {
        let title =
            isDry
            ? "would remove \(name.printable) (\(member.id), \(member.role.name))"
            : "\(name.printable) (\(member.id), \(member.role.name)) is no device of this vault any more"
        var lines = [title, ""]
        lines += pins.isEmpty ? [] : ["What it wrote counts up to what was seen here:"]
        lines += pins.map { pin in
            let what = pin.kind == .segments ? "stream \(pin.stream), segment" : "backup"
            return "  incarnation \(pin.incarnation), \(what) \(pin.sequence)"
        }
        if let known = knownEpochs {
            lines += [
                "It keeps what it has: the keys of the epochs \(known.lowerBound) to \(known.upperBound), "
                    + "and with them everything that was in the remote before.",
                "It can tell whether a content that it knows is stored there, as long as it can list the "
                    + "remote: the key of names never changes.",
                "Epoch \(epoch) is sealed to the others alone: what is written from here on it can't read.",
                "What is in the home and the remote already stays under the old epochs until it is encrypted "
                    + "anew.",
            ]
        }
        switch reEncrypt {
        case .now: lines.append("The database and the documents here are under it, and were read back.")
        case .background where isDry:
            lines.append("The database and the documents here would be encrypted anew in the background.")
        case .background:
            lines.append(
                "The database and the documents here are encrypted anew in the background: key status")
        case .never, nil: break
        }
        if !isDry, !isSettled { lines.append("The others learn of it with the next `ai-team sync both`.") }
        if let credential, !areCredentialsRevoked {
            lines.append("To be revoked at the storage: \(credential)")
        }
        return lines
    }
}
