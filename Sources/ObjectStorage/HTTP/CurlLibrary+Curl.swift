internal import CCurl
internal import Glibc

/// libcurl, opened at first use: linking it would cost every start of the program about 10 milliseconds.
struct CurlLibrary: Sendable {
    typealias Handle = UnsafeMutableRawPointer
    typealias List = UnsafeMutablePointer<curl_slist>

    /// The addresses of curl_easy_setopt and curl_easy_getinfo, for the wrappers in CCurl.
    // SAFETY: addresses of functions, never written.
    nonisolated(unsafe) let set: UnsafeMutableRawPointer
    // SAFETY: as above.
    nonisolated(unsafe) let get: UnsafeMutableRawPointer
    /// C: curl_easy_init and its family
    let make: @Sendable @convention(c) () -> Handle?
    let perform: @Sendable @convention(c) (Handle) -> CURLcode
    let reset: @Sendable @convention(c) (Handle) -> Void
    let cleanup: @Sendable @convention(c) (Handle) -> Void
    let message: @Sendable @convention(c) (CURLcode) -> UnsafePointer<CChar>?
    /// C: curl_slist_append, curl_slist_free_all
    let append: @Sendable @convention(c) (List?, UnsafePointer<CChar>) -> List?
    let freeList: @Sendable @convention(c) (List) -> Void

    /// Overwrites the lines of a list.
    func wipe(_ list: List) {
        var next: List? = list
        while let node = next {
            if let line = node.pointee.data { explicit_bzero(line, strlen(line)) }
            next = node.pointee.next
        }
    }

    private static let soname = "libcurl.so.4"
    private static let package = "libcurl4"

    private static let loaded: Result<CurlLibrary, StorageError> = {
        do throws(StorageError) { return .success(try CurlLibrary()) } catch { return .failure(error) }
    }()

    /// The library's functions.
    ///
    /// - Throws: `.failed` naming the Debian package when the library or one of its functions is missing.
    static func load() throws(StorageError) -> CurlLibrary { try loaded.get() }

    /// C: dlopen, dlsym, curl_global_init
    private init() throws(StorageError) {
        guard let library = dlopen(Self.soname, RTLD_NOW) else {
            throw StorageError(
                .failed, "\(Self.soname) can't be opened",
                hint: "install the package \(Self.package) (apt-get install \(Self.package))")
        }
        func address(_ name: String) throws(StorageError) -> UnsafeMutableRawPointer {
            guard let address = dlsym(library, name) else {
                throw StorageError(
                    .failed, "\(Self.soname) has no function \(name)",
                    hint: "install Debian's package \(Self.package), version 7.88 or newer")
            }
            return address
        }
        func symbol<F>(_ name: String) throws(StorageError) -> F {
            unsafeBitCast(try address(name), to: F.self)
        }
        set = try address("curl_easy_setopt")
        get = try address("curl_easy_getinfo")
        make = try symbol("curl_easy_init")
        perform = try symbol("curl_easy_perform")
        reset = try symbol("curl_easy_reset")
        cleanup = try symbol("curl_easy_cleanup")
        message = try symbol("curl_easy_strerror")
        append = try symbol("curl_slist_append")
        freeList = try symbol("curl_slist_free_all")
        let start: @convention(c) (Int) -> CURLcode = try symbol("curl_global_init")
        guard start(Int(CURL_GLOBAL_ALL)) == CURLE_OK else {
            throw StorageError(.failed, "\(Self.soname) can't be started")
        }
    }
}
