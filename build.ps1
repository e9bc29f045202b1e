# The entry point for Windows; it leads to build.sh: through WSL, else through podman and Containerfile.builder. No logic lives here.
#   ./build.ps1 -Target iso
param(
    [Parameter(Mandatory = $true)][ValidateSet('iso', 'image', 'base', 'check', 'test', 'test-all')][string] $Target,
    [ValidateSet('x86_64')][string] $Arch = 'x86_64'
)
$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot

if (Get-Command wsl -ErrorAction SilentlyContinue) {
    wsl --cd $PSScriptRoot -- ./build.sh --target $Target --arch $Arch
} elseif (Get-Command podman -ErrorAction SilentlyContinue) {
    podman build --tag ashlar-builder --file Containerfile.builder .
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
    podman run --rm --privileged --volume "${PWD}:/ashlar" --volume ashlar-store:/store ashlar-builder --target $Target --arch $Arch
} else {
    Write-Error 'Neither WSL (wsl --install) nor podman (https://podman.io) is here; one of them is needed.'
}
exit $LASTEXITCODE
