import CommandLineSupport
import FileSupport

/// How a launcher, such as `mpirun`, has started this process: what its environment says.
package struct Launch: Equatable {
  /// Who has started the processes.
  package let launcher: String
  /// How many there are, and which one this is.
  package let size, rank: Int
  /// The MPI libraries that can belong to the launcher, in the order of preference.
  package let libraries: [String]
  /// Debian's package with the first of them.
  let package: String

  private static let openMPI = ["libmpi.so.40", "libmpi_abi.so.1"]
  private static let mpich = ["libmpi_abi.so.1", "libmpich.so.12", "libmpi.so.12"]

  /// What the variables that `environment` looks up say; `nil` if no launcher has started this process.
  ///
  /// - Throws: `SharedLibrary.LoadError` if Slurm has started several processes without an MPI.
  package init?(environment: (String) -> String?) throws {
    func number(_ name: String) -> Int? { environment(name).flatMap { Int($0) } }
    let tasks = number("SLURM_STEP_NUM_TASKS")
    if let size = number("OMPI_COMM_WORLD_SIZE") {
      (launcher, self.size) = ("Open MPI's mpirun", size)
      rank = number("OMPI_COMM_WORLD_RANK") ?? 0
      (libraries, package) = (Self.openMPI, "openmpi-bin")
    } else if let rank = number("PMI_RANK") {
      (launcher, size) = ("a launcher with PMI", number("PMI_SIZE") ?? tasks ?? 1)
      self.rank = rank
      (libraries, package) = (Self.mpich, "mpich")
    } else if let rank = number("PMIX_RANK") {
      (launcher, size) = ("a launcher with PMIx", tasks ?? number("SLURM_NTASKS") ?? 2)
      self.rank = rank
      (libraries, package) = (Self.openMPI + Self.mpich.dropFirst(), "openmpi-bin")
    } else if let tasks, tasks > 1 {
      guard number("SLURM_PROCID") ?? 0 == 0 else { throw PeerFailure(of: .unavailable) }
      throw SharedLibrary.LoadError(
        "srun has started \(tasks) processes that know nothing of each other: use srun --mpi=pmix, or "
          + "mpirun within sbatch (srun --mpi=list shows what there is)")
    } else {
      return nil
    }
  }
}
