import COpenSSL
import Glibc
import Synchronization

/// Where secrets live: locked into memory, left out of core dumps, wiped before they are given back.
///
/// Locks of mlock(2) do not nest and cover whole pages, so secrets never share a page with anything else:
/// small ones (keys) share one region that stays locked, larger ones get pages of their own.
public enum SecretMemory {
    /// Holds what HKDF needs on its way too: to lock a page costs more than to derive a key.
    private static let slotCount = 128
    private static let regionCount = 32 * 1024

    private struct State: ~Copyable {
        // SAFETY: addresses of memory that this type alone hands out; only used under the mutex.
        var free: [UInt] = []
        var isMapped = false
        var lockFailed = false
    }

    private static let state = Mutex(State())

    /// False once the kernel refused to lock memory: secrets may then reach the swap. To be said once.
    public static var isLocked: Bool { state.withLock { !$0.lockFailed } }

    static func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        if count <= slotCount, let slot = takeSlot() { return slot }
        let size = pages(count)
        var pointer: UnsafeMutableRawPointer?
        guard posix_memalign(&pointer, pageSize, size) == 0, let pointer else {
            // As Swift's own allocations do when there is no memory.
            preconditionFailure("out of memory")
        }
        madvise(pointer, size, MADV_DONTDUMP)
        if mlock(pointer, size) != 0 { state.withLock { $0.lockFailed = true } }
        return pointer
    }

    static func release(_ pointer: UnsafeMutableRawPointer, _ count: Int) {
        OPENSSL_cleanse(pointer, count)
        if count <= slotCount, returnSlot(pointer) { return }
        munlock(pointer, pages(count))
        madvise(pointer, pages(count), MADV_DODUMP)
        free(pointer)
    }

    /// Writes zeros that no optimiser removes.
    static func wipe(_ buffer: UnsafeMutableRawBufferPointer) {
        if let start = buffer.baseAddress { OPENSSL_cleanse(start, buffer.count) }
    }

    private static let pageSize = sysconf(Int32(_SC_PAGESIZE))
    private static func pages(_ count: Int) -> Int { max(1, (count + pageSize - 1) / pageSize) * pageSize }

    private static let region: UInt? = {
        let map = mmap(nil, regionCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let map, map != MAP_FAILED else { return nil }
        madvise(map, regionCount, MADV_DONTDUMP)
        return UInt(bitPattern: map)
    }()

    private static func takeSlot() -> UnsafeMutableRawPointer? {
        guard let region else { return nil }
        return state.withLock { state in
            if !state.isMapped {
                state.isMapped = true
                let start = UnsafeMutableRawPointer(bitPattern: region)
                if let start, mlock(start, regionCount) != 0 { state.lockFailed = true }
                state.free = stride(from: 0, to: regionCount, by: slotCount).reversed().map {
                    region + UInt($0)
                }
            }
            return state.free.popLast().flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
        }
    }

    private static func returnSlot(_ pointer: UnsafeMutableRawPointer) -> Bool {
        guard let region else { return false }
        let address = UInt(bitPattern: pointer)
        guard address >= region, address < region + UInt(regionCount) else { return false }
        state.withLock { $0.free.append(address) }
        return true
    }
}
