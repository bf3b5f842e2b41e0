internal import Synchronization
internal import Vault

/// The codes of a space in the memory of a process that lives long. A search finds by the space's generation
/// whether they still are the database's, and reads the blocks that were changed since by their own.
public final class CodeCache: Sendable {
    struct Block: Sendable {
        let number: Int
        let generation: Int64
        let codes: BlockCodes
    }

    /// The blocks of a space as they were at one moment, in the order of their numbers.
    struct Blocks: Sendable {
        let space: VectorSpace
        let generation: Int64
        let blocks: [Block]
    }

    private let held = Mutex<Blocks?>(nil)

    public init() {}

    /// What is known of a space.
    func blocks(of space: VectorSpace) -> Blocks? {
        held.withLock { held in
            guard let held, held.space.id == space.id, held.space.createdAt == space.createdAt else {
                return nil
            }
            return held
        }
    }

    /// Another space takes the room of the one before.
    func keep(_ blocks: Blocks) { held.withLock { $0 = blocks } }
}
