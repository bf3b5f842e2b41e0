import ArgumentParser
import KeyRing
import Vault

/// `device rename NAME`.
struct DeviceRename: Command {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Call this device, or another, otherwise.",
        discussion: """
            An owner or admin names others too; only an owner names another owner. Others learn of it when \
            they sync.

            EXAMPLES:
              ai-team device rename desk
              ai-team device rename "old laptop" --device dev-4k2m
            """)

    @Argument(help: "The new name, at most 63 bytes; it is kept encrypted.") var name: String
    @Option(help: ArgumentHelp("Another device than this one.", valueName: "id")) var device: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        guard !name.isEmpty, name.utf8.count < 64 else {
            throw ValidationError("a device's name has 1 to 63 bytes")
        }
    }

    func execute(_ context: Context) throws {
        let keys = try context.unlock()
        let id = try device.map { try keys.roster.members.meant(by: $0).id } ?? keys.device
        let changed = try KeyRing.rename(
            id, to: name, in: context.existingHome().keysDirectory, keys: keys, time: context.milliseconds)
        context.cache.keys = changed
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("id", id.description)
                writer.field("name", name)
            }
        }) { ["\(id) is called \(name.printable)"] }
    }
}
