import ArgumentParser
import KeyRing
import Vault

/// `key …`.
struct KeyGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Show keys, and change what unlocks them.",
        subcommands: [KeyStatus.self, KeyPassphrase.self, KeyRecovery.self, KeySlots.self])
}

/// `key status`.
struct KeyStatus: Command {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the current epoch and what unlocks the vault.",
        discussion: """
            EXAMPLES:
              ai-team key status --json
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let keys = try context.unlock()
        // In the first epoch nothing can be left of an older one; later ones have to be counted.
        let remaining: Int? = keys.currentEpoch == 1 ? 0 : nil
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("epoch", Int(keys.currentEpoch))
                writer.field("created_at", keys.epochCreatedAt)
                writer.field("algorithm", Self.algorithm)
                writer.field("pages_remaining", remaining)
                writer.field("objects_remaining", remaining)
                writer.key("slots")
                writer.array { writer in for slot in keys.slots { writer.slot(slot, keys) } }
            }
        }) {
            details([
                ("vault", keys.vaultID.description), ("device", keys.device.description),
                ("epoch", "\(keys.currentEpoch), since \(keys.epochCreatedAt.short)"),
                ("algorithm", Self.algorithm),
            ]) + [""] + KeySlotsList.lines(keys, context.console)
        }
    }

    private static let algorithm = "XAES-256-GCM"
}

extension Context {
    /// Says so when what a command has changed counts only once the remote has it.
    func noteWaitingEpoch(_ keys: UnlockedKeys) {
        guard keys.hasWaitingEpoch else { return }
        console.note(
            "new data is written under the new keys once the remote has their record: run ai-team sync both")
    }
}

extension UnlockedKeys {
    /// When the current epoch began.
    var epochCreatedAt: Timestamp {
        Timestamp(milliseconds: Int64(clamping: roster.epochTime(currentEpoch) ?? 0))
    }
}

extension JSONWriter {
    /// One slot: never anything that could open it.
    mutating func slot(_ slot: SlotInfo, _ keys: UnlockedKeys) {
        object { writer in
            writer.field("id", slot.id.description)
            writer.field("kind", slot.kind.name)
            writer.field("created_at", Timestamp(milliseconds: Int64(clamping: slot.createdAt)))
            writer.field("in_use", slot.id == keys.openedSlot)
        }
    }
}
