"""Reports on finished results: claims, the comparison of labs, the trade-off of rules, the HTML page."""
