import ArgumentParser
import KeyRing
import Vault

/// `key …`.
struct KeyGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Show keys, and change what unlocks them.",
        subcommands: [
            KeyStatus.self, KeyRotate.self, KeyRetire.self, KeyPassphrase.self, KeyRecovery.self,
            KeySlots.self,
        ])
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
