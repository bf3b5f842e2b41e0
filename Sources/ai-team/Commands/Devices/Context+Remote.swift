import Backup
import KeyRing
import ObjectStorage
import Sync
import Vault

/// The remote that devices meet at.
extension Context {
    /// A remote that does what inviting needs, and its URL.
    ///
    /// - Throws: `remote_refused` for one that overwrites what is there although told not to, unless this
    ///   device is the registrar.
    func meetingPlace(_ option: RemoteOption) throws -> (url: StoreURL, store: any ObjectStore) {
        let cloud = try probedCloud(option)
        guard !cloud.isHonoured else { return (cloud.store.url, cloud.store.store) }
        let keys = try unlock()
        guard keys.roster.registrar == keys.device else {
            throw Failure(
                .remoteRefused, "\(cloud.store.url) overwrites what is there although it is told not to",
                hint: "there only the registrar lets devices in: \(keys.roster.registrar)")
        }
        return (cloud.store.url, LookingStore(cloud.store.store))
    }

    /// This home's invitations at its remote.
    func invitations(_ option: RemoteOption) throws -> Invitations {
        let vault = try vault()
        return Invitations(
            home: try existingHome(), vault: vault, store: try meetingPlace(option).store)
    }
}
