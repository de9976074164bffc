// Starts Swagger UI on the OpenAPI document. A file of its own: the page's content policy forbids inline scripts.
"use strict";
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", validatorUrl: null, deepLinking: true });
