# The pipeline and its installation (make help), and the checks of the project itself (make help-dev).
include pipeline.mk
include .package/install.mk
include Tests/checks.mk
