// Hands the token behind "#" over in the body of a request, for a cookie that scripts cannot read.
const token = location.hash.slice(1);
history.replaceState(null, "", "/");
const said = document.getElementById("said");

async function enter() {
  if (!token) {
    said.textContent = "This page opens only by the link of a monitor.";
    return;
  }
  try {
    const answer = await fetch("/enter", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
    });
    if (answer.status === 204) location.replace("/");
    else said.textContent = "This link is not valid: it belongs to another run of the monitor.";
  } catch {
    said.textContent = "The monitor does not answer.";
  }
}

enter();
