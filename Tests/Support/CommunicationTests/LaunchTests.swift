import CommandLineSupport
import Communication
import FileSupport
import Testing

@Suite("What a launcher says")
struct LaunchTests {
  private func launch(_ variables: [String: String]) throws -> Launch? {
    try Launch(environment: { variables[$0] })
  }

  @Test("without a launcher there is one process, also in a batch script of Slurm")
  func none() throws {
    #expect(try launch([:]) == nil)
    #expect(try launch(["SLURM_NTASKS": "4", "SLURM_PROCID": "0"]) == nil)
    #expect(try launch(["SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"]) == nil)
  }

  @Test("each launcher has its own libraries, of which the first is taken that there is")
  func launchers() throws {
    let open = try #require(
      try launch([
        "OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_RANK": "2", "PMIX_RANK": "2",
        "SLURM_STEP_NUM_TASKS": "2",
      ]))
    #expect((open.size, open.rank, open.libraries.first) == (3, 2, "libmpi.so.40"))
    let mpich = try #require(try launch(["PMI_SIZE": "2", "PMI_RANK": "1"]))
    #expect((mpich.size, mpich.rank) == (2, 1))
    #expect(mpich.libraries == ["libmpi_abi.so.1", "libmpich.so.12", "libmpi.so.12"])
    let slurm = try #require(
      try launch(["PMIX_RANK": "1", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "1"]))
    #expect((slurm.size, slurm.rank, slurm.libraries.first) == (4, 1, "libmpi.so.40"))
  }

  @Test("processes that would not know of each other are refused, with one message")
  func withoutMPI() throws {
    #expect(throws: SharedLibrary.LoadError.self) {
      try launch(["SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"])
    }
    let error = #expect(throws: PeerFailure.self) {
      try launch(["SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"])
    }
    #expect(error?.description == "" && error?.status == ExitStatus.unavailable.rawValue)
  }
}
