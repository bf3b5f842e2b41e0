internal import Synchronization
internal import Vault

/// The codes of a space in the memory of a process that lives long. Each search reads the blocks that were
/// changed since, by their generations, and takes the others from here.
public final class CodeCache: Sendable {
    struct Block {
        let generation: Int64
        let codes: BlockCodes
    }

    private struct Held {
        var space: VectorSpace?
        var blocks: [Int: Block] = [:]
    }

    private let held = Mutex(Held())

    public init() {}

    /// What is known of a space; another space takes the room of the one before.
    func blocks(of space: VectorSpace) -> [Int: Block] {
        held.withLock { held in
            if held.space?.id != space.id || held.space?.createdAt != space.createdAt {
                held = Held(space: space)
            }
            return held.blocks
        }
    }

    func keep(_ blocks: [Int: Block], of space: VectorSpace) {
        held.withLock { held in
            if held.space?.id == space.id, held.space?.createdAt == space.createdAt { held.blocks = blocks }
        }
    }
}
