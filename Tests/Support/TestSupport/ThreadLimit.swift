import Foundation

/// Refuses threads to programs that are started with ``environment(allowing:)``.
///
/// A library that is loaded before the C library does it, because `ulimit -u` does not bind root.
public final class ThreadLimit {
  private let folder: TemporaryFolder

  public init() throws {
    folder = try TemporaryFolder()
    try folder.write(Self.source, to: "limit.c")
    try CCompiler.makeLibrary(
      of: [folder.path("limit.c")], at: folder.path("limit.so"), flags: ["-ldl"])
  }

  /// Variables with which a program can start `count` threads; any number if that is `nil`.
  public func environment(allowing count: Int?) -> [String: String] {
    var variables = ["LD_PRELOAD": folder.path("limit.so"), "THREAD_LOG": folder.path("log")]
    variables["THREADS_ALLOWED"] = count.map(String.init)
    return variables
  }

  /// How many threads were asked for since the last call.
  public func takeCount() throws -> Int {
    guard FileManager.default.fileExists(atPath: folder.path("log")) else { return 0 }
    defer { try? FileManager.default.removeItem(atPath: folder.path("log")) }
    return try folder.bytes(of: "log").count
  }

  private static let source = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <pthread.h>
    #include <stdatomic.h>
    #include <stdlib.h>
    #include <unistd.h>

    typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    __attribute__((visibility("default")))
    int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                       void *(*body)(void *), void *argument) {
      static atomic_int count;
      const char *log = getenv("THREAD_LOG"), *allowed = getenv("THREADS_ALLOWED");
      int file = log ? open(log, O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;
      if (file >= 0) {
        if (write(file, "t", 1) < 0) abort();
        close(file);
      }
      if (allowed && atomic_fetch_add(&count, 1) >= atoi(allowed)) return EAGAIN;
      create *real = (create *)dlsym(RTLD_NEXT, "pthread_create");
      return real(thread, attributes, body, argument);
    }
    """
}
