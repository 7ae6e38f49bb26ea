// Uses the ticket at once, and takes it out of the address and the history.

history.replaceState(null, "", location.pathname);
const form = document.getElementById("ticket");
if (form instanceof HTMLFormElement) form.submit();
