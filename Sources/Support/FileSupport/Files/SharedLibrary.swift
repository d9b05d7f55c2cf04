import Glibc

/// Loads libraries of the system at run time, for programs that rarely need them: with libcurl alone
/// come some thirty others, which would slow down every start by milliseconds.
public enum SharedLibrary {
  /// The library is missing, or not the right one.
  public struct LoadError: Error, CustomStringConvertible {
    /// What is wrong, and how to get the library.
    public let description: String

    public init(_ description: String) { self.description = description }
  }

  /// The functions of the library `name`, which comes with Debian's `package`; it is never unloaded.
  ///
  /// `find` looks them up in a handle of `dlopen`, stores them in `functions`, and returns the name of
  /// one that is missing.
  ///
  /// - Throws: ``LoadError``.
  public static func load<Functions>(
    _ name: String, package: String, _ functions: Functions,
    find: (UnsafeMutablePointer<Functions>?, UnsafeMutableRawPointer?) -> UnsafePointer<CChar>?
  ) throws(LoadError) -> Functions {
    guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
      let problem = dlerror().map { String(cString: $0) } ?? "it cannot be loaded"
      throw LoadError("\(problem); install it with: apt-get install \(package)")
    }
    var functions = functions
    if let missing = find(&functions, library) {
      throw LoadError(
        "\(name) has no function \(String(cString: missing)); install a newer \(package)")
    }
    return functions
  }
}
