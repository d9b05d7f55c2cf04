import CMPI
import CommandLineSupport
import FileSupport
import Glibc

/// Messages through the MPI that belongs to the launcher.
final class MPITransport: MessageTransport {
  let rank, size: Int
  /// The first line of what the library says about itself.
  let version: String
  /// Whether the communication has ended.
  private(set) var isFinished = false
  private let mpi: cmpi_library

  /// Joins the other processes that `launch` is about.
  ///
  /// - Throws: `SharedLibrary.LoadError` if there is no library of the launcher's MPI, or if it is that of
  ///   another.
  init(_ launch: Launch) throws {
    // Both directions of a large transfer share one connection otherwise, and wait for each other.
    setenv("OMPI_MCA_btl_tcp_links", "2", 0)
    mpi = try Self.load(launch)
    var level: Int32 = 0
    guard mpi.MPI_Init_thread(nil, nil, mpi.thread_serialized, &level) == 0 else {
      throw SharedLibrary.LoadError(
        "\(launch.launcher) has started this program, but MPI_Init fails")
    }
    var (rank, size): (Int32, Int32) = (0, 1)
    _ = mpi.MPI_Comm_rank(mpi.world, &rank)
    _ = mpi.MPI_Comm_size(mpi.world, &size)
    (self.rank, self.size) = (Int(rank), Int(size))
    // The standard's longest text is that of MPICH, 8192 bytes.
    var text = [CChar](repeating: 0, count: 1 << 14)
    var count: Int32 = 0
    _ = mpi.MPI_Get_library_version(&text, &count)
    let bytes = text.prefix { $0 != 0 && $0 != 0x0A }.map { UInt8(bitPattern: $0) }
    version = String(decoding: bytes, as: UTF8.self)
    // All processes would be the first, train the same and replace each other's checkpoints.
    guard self.size == launch.size || self.size > 1 else {
      guard launch.rank == 0 else { throw PeerFailure(of: .unavailable) }
      throw SharedLibrary.LoadError(
        "\(launch.launcher) has started \(launch.size) processes, but \(version) knows of one only: it "
          + "belongs to another mpirun; start the program with its own, or put the library of the "
          + "launcher's MPI first into LD_LIBRARY_PATH")
    }
  }

  private static func load(_ launch: Launch) throws -> cmpi_library {
    var problem = ""
    for name in launch.libraries {
      do {
        return try SharedLibrary.load(
          name, package: launch.package, cmpi_library(), find: cmpi_find)
      } catch {
        if problem.isEmpty { problem = error.description }
      }
    }
    guard launch.rank == 0 else { throw PeerFailure(of: .unavailable) }
    throw SharedLibrary.LoadError(
      "\(launch.launcher) has started this program, but the library of its MPI cannot be loaded: "
        + "\(problem), on every machine, or put its folder into LD_LIBRARY_PATH")
  }

  func exchange(
    send: (bytes: UnsafeRawBufferPointer, to: Int)?,
    receive: (memory: UnsafeMutableRawBufferPointer, from: Int)?
  ) {
    var sending: UnsafeMutableRawPointer?
    var receiving: UnsafeMutableRawPointer?
    if let receive {
      check(
        mpi.MPI_Irecv(
          receive.memory.baseAddress, Int32(receive.memory.count), mpi.byte, Int32(receive.from), 0,
          mpi.world, &receiving))
    }
    if let send {
      check(
        mpi.MPI_Isend(
          send.bytes.baseAddress, Int32(send.bytes.count), mpi.byte, Int32(send.to), 0, mpi.world,
          &sending))
    }
    var (isSent, isReceived) = (send == nil, receive == nil)
    var attempts = 0
    while !isSent || !isReceived {
      if !isReceived { isReceived = isComplete(&receiving) }
      if !isSent { isSent = isComplete(&sending) }
      // A thread that only tests would take a core from those that compute, also from other ranks on
      // the machine. Naps cost nothing noticeable: the system's buffers hold what arrives meanwhile.
      attempts += 1
      if attempts > 50 { usleep(attempts < 1000 ? 50 : 300) }
    }
  }

  private func isComplete(_ request: inout UnsafeMutableRawPointer?) -> Bool {
    let result = cmpi_is_complete(mpi, &request)
    check(result < 0 ? 1 : 0)
    return result > 0
  }

  /// MPI itself ends all processes with a message when something fails; this is for one that does not.
  private func check(_ code: Int32) {
    if code != 0 { abort(status: ExitStatus.inputOutput.rawValue) }
  }

  func finish() {
    isFinished = true
    _ = mpi.MPI_Finalize()
  }

  func abort(status: Int32) { _ = mpi.MPI_Abort(mpi.world, status) }
}
