# The pipeline (make help) and the checks of the project itself (make help-dev).
include pipeline.mk
include Tests/checks.mk
