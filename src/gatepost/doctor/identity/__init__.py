"""Behind a refused login: if Microsoft Entra decides, its token endpoint gives the reason."""
