internal import CBLAS
internal import Glibc

/// OpenBLAS, opened at first use.
struct BLASLibrary: Sendable {
    private static let soname = "libopenblas.so.0"
    private static let package = "libopenblas0-pthread"

    private let sgemm:
        @Sendable @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>?, Int32,
            UnsafePointer<Float>?, Int32, Float, UnsafeMutablePointer<Float>?, Int32
        ) -> Void

    private static let loaded: Result<BLASLibrary, EmbeddingError> = {
        do throws(EmbeddingError) { return .success(try BLASLibrary()) } catch { return .failure(error) }
    }()

    /// The library's functions.
    ///
    /// - Throws: `missing`, naming the Debian package, when the library or one of its functions is.
    static func load() throws(EmbeddingError) -> BLASLibrary { try loaded.get() }

    /// C: dlopen, dlsym
    private init() throws(EmbeddingError) {
        guard let library = dlopen(Self.soname, RTLD_NOW) else {
            throw EmbeddingError(
                .missing, "\(Self.soname), which computes a local model, can't be opened",
                hint: "install the package \(Self.package) (apt-get install \(Self.package))")
        }
        func symbol<F>(_ name: String) throws(EmbeddingError) -> F {
            guard let address = dlsym(library, name) else {
                throw EmbeddingError(
                    .missing, "\(Self.soname) has no function \(name)",
                    hint: "install Debian's package \(Self.package)")
            }
            return unsafeBitCast(address, to: F.self)
        }
        sgemm = try symbol("cblas_sgemm")
        // Whoever computes uses all cores already, each for other texts.
        let setThreads: @convention(c) (Int32) -> Void = try symbol("openblas_set_num_threads")
        setThreads(1)
    }

    /// One factor or the product: a part of an array that holds `rows` rows, `stride` numbers apart.
    struct Part {
        var offset = 0
        let stride: Int
    }

    /// c = alpha * a * b, or a * bT when `transposed`: a has m rows of k numbers, c has m rows of n numbers.
    /// C: cblas_sgemm
    func multiply(
        m: Int, n: Int, k: Int, alpha: Float = 1, _ a: [Float], _ aPart: Part, _ b: [Float], _ bPart: Part,
        transposed: Bool, into c: inout [Float], _ cPart: Part
    ) {
        guard m > 0, n > 0, k > 0 else { return }
        let bRows = transposed ? n : k
        // What C may touch lies inside the arrays, whatever the caller computed.
        precondition(aPart.offset + (m - 1) * aPart.stride + k <= a.count)
        precondition(bPart.offset + (bRows - 1) * bPart.stride + (transposed ? k : n) <= b.count)
        precondition(cPart.offset + (m - 1) * cPart.stride + n <= c.count)
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                c.withUnsafeMutableBufferPointer { c in
                    guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
                    sgemm(
                        Int32(cb_row_major), Int32(cb_no_transpose),
                        Int32(transposed ? cb_transpose : cb_no_transpose), Int32(m), Int32(n), Int32(k),
                        alpha, a + aPart.offset, Int32(aPart.stride), b + bPart.offset, Int32(bPart.stride),
                        0, c + cPart.offset, Int32(cPart.stride))
                }
            }
        }
    }
}
