import ArgumentParser
import KeyRing
import Vault

/// `key slots`: what unlocks the vault.
struct KeySlots: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slots", abstract: "List, add and remove what unlocks the vault.",
        subcommands: [KeySlotsList.self, KeySlotsAdd.self, KeySlotsRemove.self],
        defaultSubcommand: KeySlotsList.self)
}

/// `key slots list`.
struct KeySlotsList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the slots.",
        discussion: """
            EXAMPLES:
              ai-team key slots
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let keys = try context.unlock()
        context.console.emit({ writer in
            writer.array { writer in for slot in keys.slots { writer.slot(slot, keys) } }
        }) { Self.lines(keys, context.console) }
    }

    static func lines(_ keys: UnlockedKeys, _ console: Console) -> [String] {
        var table = Table(["SLOT", "KIND", "CREATED", ""], flexible: 1)
        for slot in keys.slots {
            let created = Timestamp(milliseconds: Int64(clamping: slot.createdAt)).short
            table.add([
                slot.id.description.shortID, slot.kind.name, created,
                slot.id == keys.openedSlot ? "in use" : "",
            ])
        }
        return table.lines(width: console.width, style: console.style)
    }
}

/// `key slots add`.
struct KeySlotsAdd: Command {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a passphrase or a key file that unlocks the vault too.",
        discussion: """
            EXAMPLES:
              ai-team key slots add
              ai-team key slots add --new-passphrase-file secret.txt
              ai-team key slots add --new-key-file /etc/ai-team.key
            """)

    @Option(help: ArgumentHelp("A file whose first line is the new passphrase.", valueName: "file"))
    var newPassphraseFile: String?
    @Option(help: ArgumentHelp("A new key file, which is made.", valueName: "file")) var newKeyFile: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        if newKeyFile != nil, newPassphraseFile != nil {
            throw ValidationError("choose one of --new-passphrase-file and --new-key-file")
        }
    }

    func execute(_ context: Context) throws {
        let keys = try context.unlock()
        let secret =
            try newKeyFile.map { try KeyFile.create($0) } ?? SecretSource.newPassphrase(newPassphraseFile)
        let changed = try KeyRing.addSlot(
            secret, in: context.existingHome().keysDirectory, keys: keys, time: context.milliseconds)
        let before = Set(keys.slots.map(\.id))
        let added = changed.slots.filter { !before.contains($0.id) }
        context.console.emit({ writer in
            writer.array { writer in for slot in added { writer.slot(slot, changed) } }
        }) { added.map { "added \($0.kind.name) slot \($0.id)" } }
    }
}

/// `key slots remove SLOT`.
struct KeySlotsRemove: Command {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove a slot; the vault gets new keys.",
        discussion: """
            The root, the epoch and this device's keys are replaced. Other processes that have the vault \
            open go on, except those that this slot unlocked.

            EXAMPLES:
              ai-team key slots remove 9w1xk2
            """)

    @Argument(help: "The slot's id, or at least 4 characters of its beginning or end.") var slot: String
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let keys = try context.unlock()
        let found = keys.slots.filter { info in
            let id = info.id.description
            let bare = id.dropFirst("slot-".count)
            return id == slot || (slot.count >= 4 && (bare.hasPrefix(slot) || bare.hasSuffix(slot)))
        }
        guard let info = found.first else { throw Failure(.notFound, "no slot matches '\(slot)'") }
        guard found.count == 1 else {
            let ids = found.map(\.id.description)
            throw Failure(
                .ambiguousID, "'\(slot)' could be any of several slots",
                hint: "give more characters: \(ids.joined(separator: ", "))", candidates: ids)
        }
        try Confirmation.require("remove the \(info.kind.name) slot \(info.id)?", yes: yes)
        _ = try context.changeKeys(reencrypts: true) {
            try KeyRing.removeSlot(info.id, in: $0, keys: $1, time: $2)
        }
        context.console.emit({ $0.object { $0.field("removed", info.id.description) } }) {
            ["removed \(info.id)"]
        }
    }
}
